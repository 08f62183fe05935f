"""A provider that junto does not know: here a server in this program that speaks OpenAI's format."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from junto import Junto


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        message = {"role": "assistant", "content": f"Hello from {self.path}"}
        usage = {"prompt_tokens": 9, "completion_tokens": 3}
        body = json.dumps({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()

mine = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "secret", "policy": {"trains": False, "retains": False}}
client = Junto(providers={"my-vllm": mine})
answer = client.chat.completions.create(model="my-vllm/qwen3-32b", messages=[{"role": "user", "content": "Hello!"}])
print(answer.provider, answer.choices[0].message.content)
server.shutdown()
