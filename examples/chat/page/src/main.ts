/**
 * The page's start: finds its elements and keeps one chat going.
 *
 * Purpose: entry point. The socket is the page's own origin at `/ws`.
 */
import { Chat, type ChatElements } from "./chat.ts";

function elementOf<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} called ${id}`);
  return element;
}

const elements: ChatElements = {
  scroll: elementOf("scroll", HTMLElement),
  welcome: elementOf("welcome", HTMLElement),
  notice: elementOf("notice", HTMLElement),
  messages: elementOf("messages", HTMLElement),
  status: elementOf("status", HTMLElement),
  form: elementOf("form", HTMLFormElement),
  input: elementOf("input", HTMLTextAreaElement),
  send: elementOf("send", HTMLButtonElement),
  stop: elementOf("stop", HTMLButtonElement),
  cut: elementOf("cut", HTMLButtonElement),
};

const url = new URL("/ws", location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";

let chat = new Chat(elements, url.href);
elementOf("new-session", HTMLButtonElement).addEventListener("click", () => {
  chat.endSession();
  chat = new Chat(elements, url.href);
  elements.input.focus();
});
