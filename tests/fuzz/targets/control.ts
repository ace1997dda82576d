import { controlApi } from "../../../src/web/control_api.ts";
import { ScriptedPeer } from "../../support/scripted_peer.ts";
import { must } from "../allow.ts";
import { FILE } from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf, twoOf } from "../text.ts";

const TOKEN = "0f".repeat(32);
const ROUTES = [
  'POST /api/v1/shares\n{"file":"a","cwd":"/"}',
  'POST /api/v1/downloads\n{"name":"a","id":"1a2b3c4d","wait":1,"deadline":2,"output":"/x","overwrite":true}',
  'POST /api/v1/streams\n{"name":"a"}',
  'PATCH /api/v1/settings\n{"limit_up":1,"limit_down":null,"upload_slots":16}',
  ...[
    "GET /api/v1/status",
    "GET /api/v1/peers",
    "GET /api/v1/files?pattern=*",
    "GET /api/v1/settings",
  ],
  ...[
    "DELETE /api/v1/shares?name=a",
    `DELETE /api/v1/downloads?name=a&id=${FILE}`,
    "GET /api/v1/streams/x",
  ],
  ...["PUT /api/v1/uploads?name=a\nbytes", "GET /files/a%20b?id=1a2b3c4d", "GET /api/v1/config"],
  'PATCH /api/v1/config\n{"limit_up":"1M","slots":null}',
  'POST /api/v1/downloads/pause\n{"name":"a"}',
  'POST /api/v1/downloads/resume\n{"name":"a","id":"1a2b3c4d"}',
  `GET /api/v1/downloads/map?id=${FILE}`,
];

/** Requests to the control endpoint, with the token: whatever they are, they are answered in full. */
export const control: Target = {
  name: "control",
  weight: 3,
  seeds: ROUTES.map(bytesOf),
  async run(input) {
    const [head, body] = twoOf(textOf(input));
    const [method = "", route = ""] = head.split(" ");
    let request: Request;
    try {
      request = new Request(new URL(route, "http://127.0.0.1:1"), {
        method,
        headers: {
          ...{ host: "127.0.0.1:1", authorization: `Bearer ${TOKEN}` },
          "content-length": String(bytesOf(body).length),
        },
        body: body === "" ? undefined : body,
      });
    } catch {
      return; // no request at all
    }
    const api = new ScriptedPeer();
    const response = await controlApi(api, { token: TOKEN }).fetch(request);
    must(response.status < 500, `${response.status} is not the asker's fault`);
    const isBytes = response.headers.get("content-type") === "application/octet-stream";
    if (isBytes || request.url.includes("/api/v1/streams") && response.ok) {
      return await response.body?.cancel();
    }
    const text = await response.text();
    for (const line of text.split("\n")) if (line !== "") JSON.parse(line);
    if (response.status >= 400) {
      must(api.asked.length === 0 || method === "HEAD", "nothing was done");
    }
  },
};
