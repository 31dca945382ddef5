/**
 * The page of the example `assistant`: three handlers on three paths, each with a connection of its own.
 *
 * Purpose: sends `request_workspace_analysis`, `request_voice_analysis` and `start_workflow`, and shows what comes by its type. It uses no SDK.
 */
import { byId, connect } from "./socket.js";
import { tone, toBase64 } from "./sound.js";
import { note, WorkflowCard } from "./workflow.js";

/** @typedef {import("./socket.js").Message} Message */

/** @type {WorkflowCard | undefined} */
let workflow;

/** @type {Record<string, (message: any) => void>} */
const handlers = {
  workspace_analysis: ({ analysis }) => {
    note("text", analysis.text);
    note("seen", analysis.summary);
  },
  voice_analysis: ({ summary }) => note("heard", summary),
  plan_ready: ({ workflow: name, steps }) =>
    (workflow = new WorkflowCard(name, steps, (type, content) => automation.send({ type, ...content }))),
  error: ({ message }) => note("error", message),
  run_failed: ({ message }) => note("error", message),
};

/** @param {Message} message */
function show(message) {
  const handle =
    handlers[message.type] ?? /** @type {typeof handlers | undefined} */ (workflow?.handlers)?.[message.type];
  handle?.(message);
}

const vision = connect("/ws/vision", show);
const voice = connect("/ws/voice", show);
const automation = connect("/ws/automation", show);

/**
 * @param {string} form
 * @param {() => void} act
 */
function onSubmit(form, act) {
  byId(form).onsubmit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    act();
  };
}

onSubmit("look", () => vision.send({ type: "request_workspace_analysis", page: byId("page").value }));
onSubmit("tone", () => {
  const sound = tone(Number(byId("pitch").value), Number(byId("level").value));
  voice.send({ type: "request_voice_analysis", audio: toBase64(sound) });
});
byId("file").onchange = async () => {
  const [file] = byId("file").files;
  if (file !== undefined)
    voice.send({ type: "request_voice_analysis", audio: toBase64(new Uint8Array(await file.arrayBuffer())) });
};
onSubmit("automation", () => automation.send({ type: "start_workflow", workflow: "tidy" }));
