import Handlebars from "handlebars/runtime";
import { TRANSPORTS, type Transport } from "../record/record.ts";
import type { Profile } from "../run/settings.ts";
import { cronLine, shellLine, systemdLine, systemdText } from "./quote.ts";
import cronjob from "./templates/cronjob.hbs";
import kubernetes from "./templates/kubernetes.yaml.hbs";
import operator from "./templates/operator.yaml.hbs";
import cron from "./templates/plan-load.cron.hbs";
import env from "./templates/plan-load.env.hbs";
import service from "./templates/plan-load.service.hbs";
import timer from "./templates/plan-load.timer.hbs";
import workflow from "./templates/plan-load.yml.hbs";
import storage from "./templates/storage.hbs";
import testrun from "./templates/testrun.hbs";
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
  /** What k6 needs to know of it, as environment variables. */
  remoteWrite: Readonly<Record<string, string>>;
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
  /** k6 processes that share a run: for k6-operator. */
  instances: number;
  /** The object store through which records go, e.g. "s3://bucket/folder": for k6-operator; without one, a volume. */
  records?: string;
}

/** What rclone calls a place in an object store. Its server and credentials come from the environment (RCLONE_S3_…). */
export const placeOf = (records: string): string => records.replace("s3://", ":s3:");

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

/** Where results are in a pod, and what its service account is told by. */
const POD_RESULTS = "/plan-load/results";
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

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
    [ENVIRONMENT_FILE]: render(env, { ...job, isSourced: true }),
  }),
  cron: (job) => ({
    "plan-load.cron": render(cron, {
      cron: job.cron,
      cronDirectory: cronLine([job.directory]),
      cronOut: cronLine([job.out]),
      cronCommand: cronLine([...PROGRAM, ...scheduledArgs(job)]),
      timeoutMinutes: job.timeout,
    }),
    [ENVIRONMENT_FILE]: render(env, { ...job, isSourced: true }),
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
      ...podOf(job),
      args: scheduledArgs({ ...job, out: POD_RESULTS }),
      env: variables({ ALLOW_REMOTE: job.allowRemote }),
    }),
    [ENVIRONMENT_FILE]: render(env, {}),
  }),
  "k6-operator": (job) => {
    const manifests = testRuns(job);
    const { baseline, keep, jitter, records } = job;
    return {
      ...manifests,
      "plan-load.yaml": render(operator, {
        ...podOf(job),
        manifests,
        serviceAccount: "plan-load",
        accessMode: records === undefined ? "ReadWriteMany" : "ReadWriteOnce",
        args: ["testruns", ...given({ out: POD_RESULTS, baseline, keep, jitter })],
        env: variables({ NODE_EXTRA_CA_CERTS: `${SERVICE_ACCOUNT}/ca.crt`, RECORDS: placeOrNone(records) }),
      }),
      [ENVIRONMENT_FILE]: render(env, { records }),
    };
  },
} satisfies Record<string, Writer>;

const placeOrNone = (records: string | undefined) => (records === undefined ? undefined : placeOf(records));

const podOf = (job: Job) => ({
  cron: job.cron,
  image: job.image,
  ...RESOURCES,
  deadlineSeconds: job.timeout * 60,
});

/** Environment variables as Kubernetes has them; those without a value are left out. */
const variables = (env: Record<string, string | undefined>): { name: string; value: string }[] =>
  Object.entries(env).flatMap(([name, value]) => (value ? [{ name, value }] : []));

/** A TestRun for each transport that is tested, by the name of its file. */
function testRuns(job: Job): Record<string, string> {
  const halves = TRANSPORTS.flatMap((transport) => {
    const url = job[transport];
    return url === undefined ? [] : [{ transport, url }];
  });
  return Object.fromEntries(
    halves.map(({ transport, url }) => {
      const env = variables(runnerEnvironment(job, transport, url));
      const view = {
        transport,
        env,
        image: job.image,
        instances: job.instances,
        records: job.records,
        ...RESOURCES,
      };
      return [`testrun-${transport}.yaml`, render(testrun, view)];
    }),
  );
}

/** The operator adds tags of its own: without that feature k6 would have them in place of ours. */
function runnerEnvironment(job: Job, transport: Transport, url: string): Record<string, string | undefined> {
  const { profile, release, only, allowRemote, remoteWrite, records } = job;
  return {
    BASE_URL: url,
    TRANSPORT: transport,
    PROFILE: profile,
    RELEASE: release,
    ONLY: only,
    ALLOW_REMOTE: allowRemote,
    OUT_DIR: POD_RESULTS,
    RUN_ID: `suite-${release}-${transport}-${profile}-1`,
    TRIGGER: "schedule",
    RECORDS: placeOrNone(records),
    K6_FEATURES: "merge-run-tags",
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
    ...remoteWrite,
  };
}

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
  "k6-operator": "image",
};

/** The files of a kind of schedule, by name. */
export const filesOf = (kind: Kind, job: Job): Record<string, string> => WRITERS[kind](job);
