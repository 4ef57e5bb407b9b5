/** The moments of `--every`, as cron has them: off the full hour, where everybody's jobs start. */
export const EVERY = { hour: "17 * * * *", day: "17 2 * * *", week: "17 2 * * 0" } as const;
export type Every = keyof typeof EVERY;

const FIELDS = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of the month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12 },
  { name: "day of the week", least: 0, most: 7 },
] as const;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The days of each month, in leap years. */
const LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * A cron expression of five numeric fields (`*`, lists, ranges, steps), with single spaces.
 * @throws Error with one sentence where it is none, or where it cannot be said to all schedulers
 */
export function parseCron(text: string): string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    throw new Error(`--cron is "${text}": it must have five fields, e.g. "17 2 * * *" for 02:17 every day`);
  }
  FIELDS.forEach((field, i) => {
    for (const part of (fields[i] ?? "").split(",")) requirePart(text, part, field);
  });
  if (fields[2] !== "*" && fields[4] !== "*") {
    throw new Error(
      `--cron is "${text}": days of the month and of the week together mean different things to cron and to systemd; give one of them`,
    );
  }
  const [, , day = "", month = ""] = fields;
  const firstDay = Math.min(...numbersOf(day, 1, 31));
  if (!numbersOf(month, 1, 12).some((number) => firstDay <= (LENGTHS[number - 1] ?? 0))) {
    throw new Error(`--cron is "${text}": there is no day ${day} in month ${month}`);
  }
  return fields.join(" ");
}

function requirePart(text: string, part: string, { name, least, most }: (typeof FIELDS)[number]): void {
  const [, from, to, step] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part) ?? [];
  const isPart = /^(\*|\d+-\d+)\/\d+$|^\*$|^\d+(-\d+)?$/.test(part);
  const isWithin = [from, to].every((n) => n === undefined || (Number(n) >= least && Number(n) <= most));
  const isOrdered = from === undefined || to === undefined || Number(from) <= Number(to);
  if (isPart && isWithin && isOrdered && step !== "0") return;
  throw new Error(
    `--cron is "${text}": "${part}" is no ${name}; allowed are *, and numbers, ranges and steps from ${least} to ${most}`,
  );
}

/** The same moments for systemd's OnCalendar, in UTC. Takes what `parseCron` returned. */
export function calendarOf(cron: string): string {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const days = weekday === "*" ? "" : `${daysOf(weekday)} `;
  const [h, m] = [times(hour, 0), times(minute, 0)];
  return `${days}*-${times(month, 1)}-${times(day, 1)} ${h}:${m}:00 UTC`;
}

/** A field of cron as systemd has it: ranges with two dots, steps with a beginning. */
const times = (field: string, least: number): string =>
  field
    .split(",")
    .map((part) => part.replace("-", "..").replace("*/", `${least}/`))
    .map((part) => part.replace(/^\d$/, "0$&"))
    .join(",");

/** systemd knows neither numbers nor steps of weekdays. */
function daysOf(field: string): string {
  return [...new Set(numbersOf(field, 0, 6).map((number) => DAYS[number]))].join(",");
}

/** The numbers that a field of cron holds. */
const numbersOf = (field: string, least: number, most: number): number[] =>
  field.split(",").flatMap((part) => {
    const [range = "", step = "1"] = part.split("/");
    const [from = least, to = from] = range === "*" ? [least, most] : range.split("-").map(Number);
    const all = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    return all.filter((_, i) => i % Number(step) === 0);
  });
