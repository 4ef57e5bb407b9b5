import { isoNaive, now } from "./clock.ts";
import { STAGES, type Stage } from "./pipeline.ts";
import { type Plan, type PlanFile, REPORT } from "./plans.ts";

/** A file of a plan as the artefact list gives it. */
export interface ArtefactJson {
  readonly filename: string;
  readonly content_type: string;
  readonly stage: string;
  readonly size_bytes: number;
  readonly created_at: string;
}

interface Section {
  readonly filename: string;
  readonly stage: string;
  readonly content_type: string;
  readonly content: string;
}

/** What the fallback report makes of a plan, finished or not. */
export interface FallbackReportJson {
  readonly plan_id: string;
  readonly generated_at: string;
  /** Share of the stages that left their file, 0 to 100. */
  readonly completion_percentage: number;
  readonly sections: readonly Section[];
  readonly missing_sections: readonly { filename: string; stage: string; reason: string }[];
  readonly assembled_html: string;
}

/** The text of one of a plan's files. */
export function contentOf(plan: Plan, { stage, createdAt }: PlanFile): string {
  if (stage === REPORT) {
    return reportOf(plan);
  }
  if (stage.contentType === "application/json") {
    return JSON.stringify({ stage: stage.stage, task: stage.task, created_at: isoNaive(createdAt) }, null, 2);
  }
  return `# ${stage.stage}\n\nWhat ${stage.task} found for this plan:\n\n${plan.prompt}\n`;
}

/** The HTML report, assembled from the files that the plan has. */
export function reportOf(plan: Plan): string {
  return htmlOf(plan, sectionsOf(plan));
}

function htmlOf(plan: Plan, sections: readonly Section[]): string {
  const title = `Plan ${plan.id}`;
  const body = sections.map(
    ({ stage, content }) => `<section><h2>${stage}</h2><pre>${escapeHtml(content)}</pre></section>`,
  );
  return `<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>${title}</title></head>\n<body><h1>${title}</h1>\n${body.join("\n")}\n</body></html>\n`;
}

/** The plan's files as artefacts, in the order in which they came. */
export function artefactsOf(plan: Plan): ArtefactJson[] {
  return plan.files.map((file) => ({
    filename: file.stage.filename,
    content_type: file.stage.contentType,
    stage: file.stage.stage,
    size_bytes: Buffer.byteLength(contentOf(plan, file)),
    created_at: isoNaive(file.createdAt),
  }));
}

/**
 * The fallback report of a plan, assembled from its files; from its log while it has no file, and nothing when
 * it has no log either.
 * @param share ws-thin-report: of its sections no more than this is found, and nothing before the pipeline has ended
 */
export function fallbackReportOf(plan: Plan, share?: number): FallbackReportJson | undefined {
  const all = sectionsOf(plan);
  const done = share === undefined ? all : all.slice(0, Math.floor(share * all.length));
  if (share === undefined ? all.length === 0 && plan.feed.count === 0 : plan.unfinished) {
    return undefined;
  }
  const missing = STAGES.filter((stage) => !done.some(({ filename }) => filename === stage.filename));
  const sections = done.length === 0 ? [logSection(plan)] : done;
  return {
    plan_id: plan.id,
    generated_at: isoNaive(now()),
    completion_percentage:
      share === undefined ? Math.round((100 * done.length) / STAGES.length) : Math.round(1_000 * share) / 10,
    sections,
    missing_sections: missing.map(missingSection),
    assembled_html: htmlOf(plan, sections),
  };
}

function sectionsOf(plan: Plan): Section[] {
  const files = plan.files.filter((file) => file.stage !== REPORT);
  return files.map((file) => ({
    filename: file.stage.filename,
    stage: file.stage.stage,
    content_type: file.stage.contentType,
    content: contentOf(plan, file),
  }));
}

function logSection({ log: content }: Plan): Section {
  return { filename: "log.txt", stage: "pipeline_log", content_type: "text/plain", content };
}

function missingSection({ filename, stage, task }: Stage) {
  return { filename, stage, reason: `${task} has not left its file` };
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? character);
}
