/**
 * A plain browser WebSocket, as older front ends use it.
 *
 * Purpose: opens a path of the gateway that served the page, comes back after 1, 2, 4, 8, 16 s when the connection is lost, and shows every
 * frame as it is on the wire. It knows no message type, and nothing of Trunkline's own client.
 */

const ATTEMPTS_MAX = 5;
const FRAMES_SHOWN_MAX = 300;
const FRAME_CHARACTERS_MAX = 2_000;

/** @typedef {{ type: string, [field: string]: any }} Message */
/** @typedef {{ send: (message: object) => void }} Connection */

/**
 * Connects, and stays connected.
 *
 * @param {string} path
 * @param {(message: Message) => void} onMessage
 * @param {() => void} [onOpen] is called each time that it is connected
 * @returns {Connection}
 */
export function connect(path, onMessage, onOpen) {
  const status = statusOf(path.replace(/\?.*/, ""));
  /** @type {WebSocket} */
  let socket;
  let attempts = 0;
  const open = () => {
    socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
    socket.onopen = () => {
      attempts = 0;
      status("open");
      onOpen?.();
    };
    socket.onmessage = ({ data }) => {
      showFrame("in", path, data);
      onMessage(JSON.parse(data));
    };
    socket.onclose = () => {
      attempts += 1;
      status(attempts > ATTEMPTS_MAX ? "lost" : "closed");
      if (attempts <= ATTEMPTS_MAX) setTimeout(open, 1_000 * 2 ** (attempts - 1));
    };
  };
  open();
  const send = (/** @type {object} */ message) => {
    const data = JSON.stringify(message);
    showFrame("out", path, data);
    socket.send(data);
  };
  return { send };
}

/**
 * Gives the element with an id, which must be there.
 *
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {(string | Node)[]} content
 */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/** @param {string} path */
function statusOf(path) {
  const shown = make(
    "span",
    { class: "status", "data-testid": "status", "data-path": path, "data-status": "closed" },
    path,
  );
  byId("status").append(shown);
  return (/** @type {string} */ status) => {
    shown.dataset.status = status;
    shown.title = status;
  };
}

/**
 * @param {"in" | "out"} direction
 * @param {string} path
 * @param {string} data
 */
function showFrame(direction, path, data) {
  const list = byId("frames");
  const text = data.length > FRAME_CHARACTERS_MAX ? `${data.slice(0, FRAME_CHARACTERS_MAX)}…` : data;
  list.append(make("li", { "data-direction": direction, title: path }, text));
  while (list.children.length > FRAMES_SHOWN_MAX) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}
