/** The grammar of model slugs. */

import { settle } from "./errors.js";
import { native } from "./native.js";

/** A suffix that junto knows. */
export type Variant = "floor" | "free" | "nitro" | "online" | "thinking";

/** A parsed slug: `author/name[:variant]*`. */
export interface Slug {
  /** Who made the model; `null` where only a bare name was given. */
  author: string | null;
  name: string;
  variants: Variant[];
  /** The canonical form. */
  display: string;
  /** Of `nitro` and `floor` the last one, which decides the sort. */
  sort: "floor" | "nitro" | null;
}

/** The parts of a slug. Which models there are is for the catalog to say. */
export function parseSlug(slug: string): Slug {
  return settle<Slug>(native.parseSlug(slug));
}
