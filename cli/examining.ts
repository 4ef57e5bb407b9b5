import * as v from "valibot";
import { type Check, checkSchema } from "../record/check.ts";
import { asGiven, type Half, type HalfOptions, settingsOf } from "./halves.ts";
import { askK6 } from "./k6.ts";
import { sentenceOf } from "./options.ts";

/**
 * Has k6 itself look at everything that a load with these settings needs, in about a second and without loading: it is
 * k6 that has the limits of the process, the extension and the way to the server.
 */
async function examineWith(settings: Record<string, string>): Promise<Check[]> {
  try {
    return await askK6("doctor", settings, v.pipe(v.array(checkSchema), v.nonEmpty()));
  } catch (error) {
    const text = `${sentenceOf(error)}: run npm run build, or set K6_BIN to a k6 v2 with xk6-sse`;
    return [{ name: "k6", isMet: false, text }];
  }
}

/** What a half on the server at `url` needs, in the words of the options. */
export async function examine(half: Half, url: string, options: HalfOptions): Promise<Check[]> {
  const checks = await examineWith(settingsOf(half, url, options));
  return checks.map((check) => ({ ...check, text: asGiven(half, check.text) }));
}
