// Never run: the same from CommonJS.

import junto = require("junto");
import testing = require("junto/testing");

const client: junto.Junto = new testing.ScriptedJunto([]);
client.chat.completions.create({ model: "m", messages: [] }).then((answer) => answer.usage?.cost satisfies number | null | undefined);
