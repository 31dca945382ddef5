/**
 * The page of the example `insights`: a guide and two liaison agents, each on its own path with `?session_token=`.
 *
 * Purpose: sends `user_message` and `file_selected` as flat objects, and shows streamed answers, figures and pictures. It uses no SDK.
 */
import { byId, connect, make } from "./socket.js";
import { picture } from "./picture.js";

/** @typedef {import("./socket.js").Message} Message */

const TOKEN = "demo";

/** An answer that is being streamed on one connection. */
class Stream {
  /** @type {HTMLElement | undefined} */
  #shown;

  /** @param {string} agent */
  constructor(agent) {
    this.agent = agent;
  }

  /** @param {Message} message */
  add({ stream_index: index, message }) {
    if (this.#shown === undefined || index === 0) this.#shown = card(this.agent, "", "answer");
    this.#shown.append(message);
  }

  /** @param {Message} message */
  complete({ message }) {
    const shown = this.#shown ?? (message ? card(this.agent, "", "answer") : undefined);
    if (shown === undefined) return;
    shown.textContent = message;
    shown.dataset.state = "complete";
    this.#shown = undefined;
  }
}

/** @param {string} agent */
function handlersOf(agent) {
  const stream = new Stream(agent);
  /** @type {Record<string, (message: any) => void>} */
  const handlers = {
    agent_streaming: (message) => stream.add(message),
    agent_complete: (message) => stream.complete(message),
    agent_message: ({ message }) => card(agent, message, "answer"),
    question_answer: ({ data }) => showFiles(data.files),
    file_processing: ({ file_name: name, status }) => (byId("choose").title = `${name}: ${status}`),
    file_error: ({ message }) => card(agent, message, "error"),
    error_message: ({ message }) => card(agent, message, "error"),
    analysis_result: ({ message, data }) => {
      card("figures", "", "figures").append(figures(data.columns));
      card(agent, message, "analysis");
    },
    visualization_data: ({ message, data }) => card("picture", "", "picture").append(picture(message, data)),
  };
  return (/** @type {Message} */ message) => handlers[message.type]?.(message);
}

const guide = connect(`/api/ws/guide?session_token=${TOKEN}`, handlersOf("guide"));
const insights = connect(`/api/ws/liaison/insights?session_token=${TOKEN}`, handlersOf("insights"));
const content = connect(`/api/ws/liaison/content?session_token=${TOKEN}`, handlersOf("content"), () =>
  say(content, { agent: "liaison", pillar: "content", message: "which files are there?" }),
);

/**
 * @param {import("./socket.js").Connection} connection
 * @param {object} fields
 */
function say(connection, fields) {
  connection.send({
    type: "user_message",
    timestamp: new Date().toISOString(),
    session_token: TOKEN,
    ...fields,
  });
}

/** @param {{ file_uuid: string, file_name: string }[]} files */
function showFiles(files) {
  byId("file").replaceChildren(
    ...files.map((file) => make("option", { value: file.file_uuid }, file.file_name)),
  );
}

/**
 * @param {string} label
 * @param {string} text
 * @param {string} kind
 */
function card(label, text, kind) {
  const shown = make("div", { "data-testid": kind }, text);
  byId("answers").prepend(
    make("article", { class: `card note ${kind}` }, make("small", { class: "muted" }, label), shown),
  );
  return shown;
}

/** @param {Record<string, any>[]} columns */
function figures(columns) {
  const names = ["name", "kind", "missing", "min", "median", "mean", "max"];
  const row = (/** @type {string} */ tag, /** @type {any[]} */ cells) =>
    make("tr", {}, ...cells.map((cell) => make(tag, {}, String(cell ?? ""))));
  return make(
    "table",
    {},
    row("th", names),
    ...columns.map((column) =>
      row(
        "td",
        names.map((name) => column[name]),
      ),
    ),
  );
}

byId("guide").onsubmit = (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  say(guide, { agent: "guide", message: byId("question").value });
};
byId("choose").onsubmit = (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const { value, selectedOptions } = byId("file");
  const file = { file_uuid: value, file_name: selectedOptions[0]?.textContent ?? "" };
  insights.send({
    type: "file_selected",
    session_token: TOKEN,
    agent: "liaison",
    pillar: "insights",
    ...file,
  });
};
byId("insights").onsubmit = (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  say(insights, { agent: "liaison", pillar: "insights", message: byId("about").value });
};
