/**
 * The page of the example `reasoning`: a front end with an older system's events.
 *
 * Purpose: sends `chat_message`, `start_…`, `stop_…` and `request_system_metrics`, and shows what comes by its type. It uses no SDK.
 */
import { picture } from "./picture.js";
import { byId, connect } from "./socket.js";
import { note } from "./workflow.js";

/** What can be stopped: the run that was heard of last. */
class Stoppable {
  #run = "";

  /** @param {"reasoning" | "evolution"} kind */
  constructor(kind) {
    this.button = byId(`stop-${kind}`);
    this.button.onclick = () => send(`stop_${kind}`, { run_id: this.#run });
  }

  /** @param {string} run */
  runs(run) {
    this.#run = run;
    this.button.disabled = false;
  }

  ended() {
    this.button.disabled = true;
  }
}

const reasoning = new Stoppable("reasoning");
const evolution = new Stoppable("evolution");
/** @type {{ labels: string[], values: number[] }} */
let fitness = { labels: [], values: [] };

/** @type {Record<string, (data: any) => void>} */
const handlers = {
  typing_indicator: ({ agentId, typing }) =>
    (byId("typing").textContent = typing ? `${agentId} is at work …` : ""),
  chat_response: ({ message }) => {
    byId("typing").textContent = "";
    note(message.agentId, message.content);
  },
  reasoning_update: ({ run_id: run, step, content }) => {
    reasoning.runs(run);
    note(`step-${step}`, content);
  },
  reasoning_complete: ({ result }) => {
    reasoning.ended();
    const outcome = result.solved ? result.path.join("; ") : "no solution";
    note("result", `${result.problem}: ${outcome}${result.stopped ? " (stopped)" : ""}`);
  },
  evolution_progress: ({ run_id: run, generation, population_fitness: { best } }) => {
    evolution.runs(run);
    fitness.labels.push(`generation ${generation}`);
    fitness.values.push(best);
    byId("fitness").replaceChildren(picture(`best fitness ${best}`, { chart: "line", ...fitness }));
  },
  evolution_complete: ({ improvement: gain, tool_enhancements: enhancements, stopped }) => {
    evolution.ended();
    const solved = `${gain.solved_before} of ${gain.games} new games solved before, ${gain.solved_after} now`;
    note("evolved", [stopped ? `${solved} (stopped)` : solved, ...enhancements].join("; "));
  },
  system_metrics: ({ cpu, memory, disk }) =>
    (byId("load").textContent = `processor ${cpu} %, memory ${memory} %, disk ${disk} %`),
  error: ({ message }) => note("error", message),
  run_failed: ({ message }) => note("error", message),
};

const connection = connect("/ws", ({ type, data }) => handlers[type]?.(data ?? {}));

/**
 * @param {string} type
 * @param {object} data
 */
function send(type, data) {
  connection.send({ type, data });
}

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

const numberOf = (/** @type {string} */ id) => Number(byId(id).value);

onSubmit("chat", () => {
  const [content, agentId] = [byId("content").value, byId("agent").value];
  note("said", content);
  send("chat_message", { message: { content, agentId, timestamp: new Date().toISOString() } });
});
onSubmit("reasoning", () =>
  send("start_reasoning", {
    agent_id: "reasoning",
    problem: byId("problem").value,
    parameters: { max_depth: numberOf("depth"), branches: numberOf("branches") },
  }),
);
onSubmit("evolution", () => {
  fitness = { labels: [], values: [] };
  send("start_evolution", {
    parameters: { population_size: numberOf("population"), generations: numberOf("generations") },
  });
});
byId("metrics").onclick = () => send("request_system_metrics", {});
