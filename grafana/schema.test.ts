import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { Ajv, type AnySchema } from "ajv";
import { createGenerator } from "ts-json-schema-generator";
import { parse } from "yaml";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const FILES = readdirSync(path("dashboards"));
const read = (file: string): Dashboard => JSON.parse(readFileSync(path(`dashboards/${file}`), "utf8"));

/** An object that holds `value` under the names, one within the other. */
const nested = (names: readonly string[], value: unknown): unknown =>
  names.reduceRight((inner, name) => ({ [name]: inner }), value);

/** An option of fields that this Grafana has (FieldConfig of @grafana/data), and its published schema has not. */
const UNPUBLISHED = "fieldMinMax";

describe("the committed dashboards are what Grafana's own types say", () => {
  const ajv = new Ajv({ strict: false, allErrors: true });

  before(() => {
    const generator = createGenerator({
      path: path("schema.ts"),
      tsconfig: path("../tsconfig.node.json"),
      type: "Checked",
      skipTypeCheck: true,
      additionalProperties: false,
      // Several of the types have the same name.
      expose: "none",
      topRef: false,
    });
    ajv.addSchema(generator.createSchema("Checked") as AnySchema, "grafana");
  });

  /** What is wrong with a value that should be `kind`, a property of Checked or one of its parts. */
  function flaws(value: unknown, kind: string): string[] {
    const validate =
      ajv.getSchema(`grafana#/properties/${kind}`) ?? assert.fail(`there is no schema of ${kind}`);
    validate(value);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${kind}${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  for (const file of FILES) {
    test(file, () => {
      const dashboard = read(file);
      assert.deepEqual(flaws(dashboard, "dashboard"), []);
      for (const panel of dashboard.panels ?? []) {
        if (panel.type !== "row") assert.deepEqual(flawsOf(panel as Panel), [], panel.title);
      }
    });
  }

  function flawsOf({ type, options, fieldConfig }: Panel): string[] {
    const { custom = {}, ...field } = fieldConfig?.defaults ?? {};
    const own = (fieldConfig?.overrides ?? [])
      .flatMap(({ properties }) => properties)
      .filter(({ id }) => id !== UNPUBLISHED);
    return [
      ...flaws({ options, custom }, type),
      ...flaws(field, "field"),
      ...own.flatMap(({ id, value }) => {
        const [first, ...names] = id.split(".");
        return first === "custom"
          ? flaws({ options, custom: nested(names, value) }, type)
          : flaws({ [id]: value }, "field");
      }),
    ];
  }

  test("of the version that compose.yaml starts", () => {
    const { version } = JSON.parse(
      readFileSync(path("../node_modules/@grafana/schema/package.json"), "utf8"),
    );
    const { services } = parse(readFileSync(path("compose.yaml"), "utf8"));
    assert.equal(services.grafana.image, `grafana/grafana:${version}`);
  });

  test("what they do not allow is found", () => {
    const [panel] = (read("plan-load-run.json").panels ?? []).filter(
      ({ type }) => type === "stat",
    ) as Panel[];
    assert.ok(panel);
    assert.match(
      flawsOf({ ...panel, options: { ...(panel.options as object), colorMode: "rainbow" } }).join(),
      /colorMode/,
    );
    assert.match(
      flaws({ title: "t", panels: [{ kind: 1 }], schemaVersion: "x" }, "dashboard").join("\n"),
      /schemaVersion/,
    );
  });
});
