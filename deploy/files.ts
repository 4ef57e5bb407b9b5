import Handlebars from "handlebars/runtime";
import type { Profile } from "../run/config.ts";
import { cronLine, shellLine, systemdLine, systemdText } from "./quote.ts";
import cronjob from "./templates/cronjob.hbs";
import kubernetes from "./templates/kubernetes.yaml.hbs";
import cron from "./templates/plan-load.cron.hbs";
import env from "./templates/plan-load.env.hbs";
import service from "./templates/plan-load.service.hbs";
import timer from "./templates/plan-load.timer.hbs";
import workflow from "./templates/plan-load.yml.hbs";
import storage from "./templates/storage.hbs";
import { calendarOf } from "./when.ts";

/** What is to run, when, and where. */
export interface Job {
  /** When, as `parseCron` returns it. */
  cron: string;
  /** The servers, as `npm start` takes them. */
  sse?: string;
  ws?: string;
  profile: Profile;
  release: string;
  only: string;
  out: string;
  prometheus?: string;
  baseline?: string;
  keep: number;
  /** Until a run is broken off, in minutes. */
  timeout: number;
  /** The most seconds by which a run begins later. */
  jitter: number;
  /** The host that may be loaded, where it is not the machine itself. */
  allowRemote?: string;
  /** Where the project is on the machine: for systemd and cron. */
  directory: string;
  /** The image of deploy/Dockerfile: for Kubernetes. */
  image: string;
}

/** The environment of scheduled runs is kept where it is: it may hold secrets. */
export const ENVIRONMENT_FILE = "plan-load.env";

const handlebars = Handlebars.create();
handlebars.registerHelper("json", (value: unknown) => JSON.stringify(value));
handlebars.registerPartial("storage", handlebars.template(storage));
handlebars.registerPartial("cronjob", handlebars.template(cronjob));

/** The options that have a value, as arguments. */
const given = (options: Record<string, string | number | undefined>): string[] =>
  Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`--${name}`, String(value)],
  );

/** The arguments of `npm run scheduled`. */
function scheduledArgs(job: Job, without: readonly (keyof Job)[] = []): string[] {
  const { sse, ws, profile, release, only, out, prometheus, baseline, keep, jitter } = job;
  const options = { sse, ws, profile, release, only, out, prometheus, baseline, keep, jitter };
  return given({ ...options, ...Object.fromEntries(without.map((name) => [name, undefined])) });
}

const PROGRAM = ["node", "dist/scheduled.mjs"];

/** What is tested, for a person. */
const whatOf = ({ sse, ws, profile }: Job): string =>
  `${[sse, ws].filter((url) => url !== undefined).join(" and ") || "simulated servers"}, profile ${profile}`;

/** A pod has so much for its k6, whatever the profile: see docs/scale.md. */
const RESOURCES = { cpu: "2", memory: "2Gi" };

type Writer = (job: Job) => Record<string, string>;
const render = (template: TemplateSpecification, view: object): string => handlebars.template(template)(view);

const WRITERS = {
  systemd: (job) => ({
    "plan-load.service": render(service, {
      what: systemdText(whatOf(job)),
      unitDirectory: systemdText(job.directory),
      unitCommand: systemdLine([...PROGRAM, ...scheduledArgs(job, ["jitter"])]),
      timeoutMinutes: job.timeout,
    }),
    "plan-load.timer": render(timer, { calendar: calendarOf(job.cron), jitterSeconds: job.jitter }),
    [ENVIRONMENT_FILE]: render(env, job),
  }),
  cron: (job) => ({
    "plan-load.cron": render(cron, {
      cron: job.cron,
      cronDirectory: cronLine([job.directory]),
      cronOut: cronLine([job.out]),
      cronCommand: cronLine([...PROGRAM, ...scheduledArgs(job)]),
      timeoutMinutes: job.timeout,
    }),
    [ENVIRONMENT_FILE]: render(env, job),
  }),
  "github-actions": (job) => ({
    "plan-load.yml": render(workflow, {
      ...job,
      command: shellLine([...PROGRAM, ...scheduledArgs(job, ["release"])]),
      timeoutMinutes: job.timeout,
      artifactDays: Math.min(job.keep, LONGEST_ARTIFACT_DAYS),
    }),
  }),
  kubernetes: (job) => ({
    "plan-load.yaml": render(kubernetes, {
      ...job,
      ...RESOURCES,
      deadlineSeconds: job.timeout * 60,
      args: scheduledArgs({ ...job, out: "/plan-load/results" }),
    }),
    [ENVIRONMENT_FILE]: render(env, {}),
  }),
} satisfies Record<string, Writer>;

/** GitHub keeps artifacts no longer. */
const LONGEST_ARTIFACT_DAYS = 90;

export type Kind = keyof typeof WRITERS;
export const KINDS = Object.keys(WRITERS) as Kind[];

/** The options that a kind cannot do without. */
export const NEEDS: Record<Kind, "directory" | "image" | undefined> = {
  systemd: "directory",
  cron: "directory",
  "github-actions": undefined,
  kubernetes: "image",
};

/** The files of a kind of schedule, by name. */
export const filesOf = (kind: Kind, job: Job): Record<string, string> => WRITERS[kind](job);
