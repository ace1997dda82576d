/**
 * The OpenAPI document of the control API. Requests are described by the schemas that check them, answers
 * by the types that the routes return, and both by src/web/routes/route_table.ts.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import { createGenerator } from "ts-json-schema-generator";
import type * as v from "valibot";
import config from "../deno.json" with { type: "json" };
import type { UiApi } from "../src/peer/api/ui_api.ts";
import { controlApi } from "../src/web/control_api.ts";
import { OwnOrigins } from "../src/web/own_origins.ts";
import { requestSchemaOf } from "../src/web/routes/request.ts";
import { TOKEN_RIGHTS } from "../src/peer/api/token_api.ts";
import { routeKey, ROUTES } from "../src/web/routes/route_table.ts";
import { Sessions } from "../src/web/sessions.ts";
import { SlowDown } from "../src/web/slow_down.ts";
import { uiApp } from "../src/web/ui_app.ts";

const ANSWERS = decodeURIComponent(
  new URL("../src/web/routes/answers.ts", import.meta.url).pathname,
);
/** The page itself is no part of the API. */
const PAGE = ["GET /", "GET /sign-in"];
/** Where a request has no schema of its own. */
const BINARY = { "application/octet-stream": {} };

interface Json {
  [key: string]: unknown;
}

/** The routes of the program as its routers have them, with the schemas of their requests. */
export function programRoutes(): Map<string, Partial<Record<"json" | "query", v.GenericSchema>>> {
  // Nothing is asked of it.
  const api = {} as UiApi;
  const { app } = uiApp(api, {
    sessions: new Sessions(),
    slowDown: new SlowDown(),
    origins: new OwnOrigins({ host: "127.0.0.1" }),
    assets: new Map(),
    isVerb: () => false,
  });
  const routes = new Map();
  for (
    const { method, path, handler } of [...app.routes, ...controlApi(api, { token: "" }).routes]
  ) {
    if (method === "ALL" || PAGE.includes(`${method} ${path}`)) continue;
    const key = routeKey(method, path);
    const known = routes.get(key) ?? {};
    const checked = requestSchemaOf(handler);
    routes.set(key, checked ? { ...known, [checked.part]: checked.schema } : known);
  }
  return routes;
}

/** The document, as docs/openapi.json has it. */
export function openApi(): Json {
  const schemas = answerSchemas();
  const answers = (schemas.Answers as { properties: Json }).properties;
  delete schemas.Answers;
  const paths: Record<string, Json> = {};
  for (const [key, request] of programRoutes()) {
    const entry = ROUTES[key];
    if (!entry) throw new Error(`${key} is not in src/web/routes/route_table.ts`);
    const [method, path] = key.split(" ");
    const { does, rights, answer, lines, type, status = 200, only, open } = entry;
    const where = only && `Only at ${only === "page" ? "the page" : "the control endpoint"}.`;
    const needs = open
      ? undefined
      : rights
      ? `A token needs the rights ${rights.join(" and ")}.`
      : "It is for sessions and the peer's own token, not for tokens of scripts.";
    const content = answer
      ? { [lines ? "application/jsonl" : "application/json"]: { schema: answers[answer] } }
      : type && { [type]: {} };
    (paths[path] ??= {})[method.toLowerCase()] = {
      operationId: operationOf(method, path),
      summary: does,
      ...{ description: [where, needs].filter(Boolean).join(" ") || undefined },
      ...open && { security: [] },
      ...{ parameters: [...pathParameters(path), ...queryParameters(request.query)] },
      ...requestBody(method, path, request.json),
      responses: {
        [status]: { description: describe(lines, status), ...content && { content } },
        default: {
          description: "It failed, or was refused.",
          content: { "application/json": { schema: answers.failure } },
        },
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Shoal",
      version: config.version,
      description: "The control API of a running peer: at its page (`shoal peer --ui`), and for " +
        "the verbs of this machine at the address in DIR/.shoal/control.json. Answers in lines are " +
        "`application/jsonl`: the schema is that of one line.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://127.0.0.1:10100", description: "The page, at its usual port" }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A token of `shoal peer token new --rights " + TOKEN_RIGHTS.join(",") +
            "`, a session's secret, or the token in DIR/.shoal/control.json.",
        },
      },
      schemas,
    },
  };
}

/** JSON schemas of the types in answers.ts, by name, as components. */
function answerSchemas(): Json {
  const generator = createGenerator({
    path: ANSWERS,
    type: "Answers",
    skipTypeCheck: true,
    additionalProperties: true,
    functions: "hide",
    tsconfig: undefined,
  });
  const { definitions } = generator.createSchema("Answers");
  const text = JSON.stringify(definitions).replaceAll("#/definitions/", "#/components/schemas/");
  return JSON.parse(text.replaceAll(/\{@link (\w+)\}/g, "`$1`"));
}

function requestSchema(schema: v.GenericSchema): Json {
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    target: "draft-2020-12",
    typeMode: "input",
    errorMode: "ignore",
  });
  return rest as Json;
}

function requestBody(method: string, path: string, schema: v.GenericSchema | undefined): Json {
  if (schema) {
    const content = { "application/json": { schema: requestSchema(schema) } };
    return { requestBody: { required: true, content } };
  }
  if (method === "PUT" && path === "/api/v1/uploads") {
    return { requestBody: { required: true, content: BINARY } };
  }
  return {};
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: "path", required: true },
    schema: { type: "string" },
  }));
}

function queryParameters(schema: v.GenericSchema | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = requestSchema(schema) as {
    properties?: Json;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: "query", required: required.includes(name), schema },
  }));
}

function operationOf(method: string, path: string): string {
  const words = path.replace(/^\/api\/(v1\/)?/, "").split(/[^a-z0-9]+/i).filter(Boolean);
  return [method.toLowerCase(), ...words.map((one) => one[0].toUpperCase() + one.slice(1))].join(
    "",
  );
}

function describe(lines: boolean | undefined, status: number): string {
  if (lines) return "Lines; the last one has the result or the failure.";
  return status === 204 ? "It is done." : status === 202 ? "It has begun." : "The answer.";
}
