/**
 * The page of the example `goals`: an older front end, as its integration guide describes it.
 *
 * Purpose: sends `user_message`, `workflow_approval` and `workflow_cancel`, and shows what comes by its type. It uses no SDK.
 */
import { byId, connect, make } from "./socket.js";
import { note, WorkflowCard } from "./workflow.js";

/** @type {WorkflowCard | undefined} */
let workflow;
let goal = "";
/** @type {Map<string, HTMLElement>} */
const executions = new Map();

/** @type {Record<string, (payload: any) => void>} */
const handlers = {
  llm_response: ({ response }) => note("answer", response),
  thought: ({ thought }) => note("thought", thought.content),
  diagnostics_report: ({ system, services }) =>
    note("diagnostics", JSON.stringify({ ...system, ...services }, null, 2)),
  error: ({ message }) => note("error", message),
  run_failed: ({ message }) => note("error", message),
  goal_received: (received) => (goal = received.goal),
  plan_ready: ({ steps }) => (workflow = new WorkflowCard(goal, steps, send)),
  command_execution_start: ({ command, execution_id: id }) => {
    const output = make("pre", { "data-testid": "command" }, `$ ${command}\n`);
    executions.set(id, output);
    workflow?.append(output);
  },
  command_execution_end: ({ execution_id: id, output, error }) =>
    executions.get(id)?.append(output, error ?? ""),
};

const connection = connect("/ws", ({ type, payload }) => {
  const handle = handlers[type] ?? /** @type {typeof handlers | undefined} */ (workflow?.handlers)?.[type];
  handle?.(payload ?? {});
});

/**
 * @param {string} type
 * @param {object} payload
 */
function send(type, payload) {
  connection.send({ type, payload });
}

/** @param {string} message */
function say(message) {
  note("said", message);
  send("user_message", { message });
}

byId("ask").onsubmit = (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  say(byId("message").value);
  byId("message").value = "";
};
for (const button of byId("examples").querySelectorAll("button:not([id])")) {
  button.onclick = () => say(button.textContent);
}
byId("diagnostics").onclick = () => send("diagnostics", {});
