// A client of an echo server that compresses: `ws_peer.cjs URI [OPTION=NUMBER]`.
// Fails unless every message comes back, in the compression that was agreed on.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const WebSocket = require("ws");

async function main(uri, ...parameters) {
  const options = Object.fromEntries(parameters.map((parameter) => parameter.split("=")));
  for (const name of Object.keys(options)) options[name] = Number(options[name]);
  const socket = new WebSocket(uri, { perMessageDeflate: { threshold: 0, ...options } });
  await once(socket, "open");
  assert.match(socket.extensions, /permessage-deflate/);
  const { params } = socket._extensions["permessage-deflate"];
  assert.equal(params.server_no_context_takeover, true);
  assert.equal(params.client_no_context_takeover, true);
  assert.equal(params.server_max_window_bits, options.serverMaxWindowBits);

  const exchange = async (message, send = () => socket.send(message)) => {
    const answer = once(socket, "message");
    send();
    const [data, isBinary] = await answer;
    assert.equal(isBinary, typeof message !== "string");
    assert.ok(data.equals(Buffer.from(message)), `${message.length} bytes`);
  };
  const line = "the agent said something, ä, ";
  for (const length of [0, 1, 125, 126, 1023, 1024, 5000, 65535, 65536, 300000]) {
    await exchange(line.repeat(length / line.length + 1).slice(0, length));
    await exchange(Buffer.from(Array.from({ length }, (_, index) => (index * index) >> 3)));
  }
  const text = line.repeat(2000);
  await exchange(text, () => {
    socket.send(text.slice(0, 100), { fin: false });
    socket.send("", { fin: false });
    socket.send(text.slice(100), { fin: true });
  });
  socket.close(1000);
  const [code] = await once(socket, "close");
  assert.equal(code, 1000);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
