import * as v from "valibot";
import type { Check } from "../record/check.ts";
import type { Needs } from "./needs.ts";

const known = v.nullable(v.number());

/** What the recorder tells of the machine; null where the system does not. */
export const limitsSchema = v.object({
  openFiles: known,
  ports: known,
  hasOwnAddresses: v.boolean(),
  memoryBytes: known,
  diskBytes: known,
  unwritable: v.string(),
});
export type Limits = v.InferOutput<typeof limitsSchema>;

const MIB = 2 ** 20;
const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;

/** What the files of a run take at most, with room for the log. */
const DISK_BYTES = 20 * MIB;

/** An amount that is needed, beside what there is of it. */
interface Row {
  name: string;
  needed: number;
  free: number | null;
  shown?: (value: number) => string;
  advice: string;
}

/** Holds what a run needs against what there is. `directory`: where its files go. */
export function limitChecks(needs: Needs, limits: Limits, directory: string): Check[] {
  const load = `${needs.streams} streams and ${needs.users} virtual users at once`;
  const less = "choose a smaller PROFILE, or share the run among machines (docs/scale.md)";
  const files: Row = {
    name: "open files",
    needed: needs.openFiles,
    free: limits.openFiles,
    advice: `raise the limit (ulimit -n ${needs.openFiles}), or ${less}`,
  };
  const ports: Row = {
    name: "ports",
    needed: needs.ports,
    free: limits.hasOwnAddresses ? null : limits.ports,
    advice: `give k6 more source addresses (--local-ips 127.0.0.2-127.0.0.9), or ${less}`,
  };
  const memory: Row = {
    name: "memory",
    needed: needs.memoryBytes,
    free: limits.memoryBytes,
    shown: mebibytes,
    advice: `free some, or ${less}`,
  };
  const disk: Row = {
    name: "disk space",
    needed: DISK_BYTES,
    free: limits.diskBytes,
    shown: mebibytes,
    advice: "free some, or choose another directory with OUT_DIR",
  };
  const { unwritable } = limits;
  return [
    ...[files, ports, memory].map((row) => checkOf(row, load)),
    {
      name: "results",
      isMet: unwritable === "",
      text: unwritable || `${directory} can be written`,
    },
    ...(unwritable === "" ? [checkOf(disk, directory)] : []),
  ];
}

/** What is not told stops nobody. */
function checkOf({ name, needed, free, shown = String, advice }: Row, what: string): Check {
  const need = `about ${shown(needed)} needed for ${what}`;
  if (free === null) return { name, isMet: true, text: `${need}; what there is, is not told` };
  const isMet = free >= needed;
  const text = `${shown(free)} free, ${need}`;
  return { name, isMet, text: isMet ? text : `${name}: ${text}; ${advice}` };
}
