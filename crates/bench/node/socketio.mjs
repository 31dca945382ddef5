// The peer: Socket.IO in one process over WebSocket only, with connection state recovery and everything else at its default.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "socket.io";

// Events between two turns of the event loop, where they are as fast as they are taken: the window of Trunkline's workers.
const BURST = 64;

// Connections that wait to be accepted: the system's most, as Trunkline has it; Node's default is 511.
const BACKLOG = 4096;

const http = createServer();
const io = new Server(http, { transports: ["websocket"], connectionStateRecovery: {} });

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

// Numbered tokens that say when they were made, in nanoseconds of the monotonic clock, to whoever is in the room.
function stream(room, { count, every_ms }) {
  let number = 0;
  const timer = setInterval(() => {
    if (number < count) {
      io.to(room).emit("token", `${number++}:${process.hrtime.bigint()} `);
    } else {
      clearInterval(timer);
      io.to(room).emit("end");
    }
  }, every_ms);
}

// Events of 64 bytes to everyone in the room.
async function broadcast(room, { count, every_ms }) {
  for (let number = 1; number <= count; number += 1) {
    io.to(room).emit("measurement", "x".repeat(62));
    if (every_ms > 0) await sleep(every_ms);
    else if (number % BURST === 0) await nextTurn();
  }
  io.to(room).emit("end");
}

io.on("connection", (socket) => {
  // A room of its own: the adapter keeps for later what is sent to rooms, and a recovered socket is in the same ones.
  if (!socket.recovered) socket.join(`own ${socket.id}`);
  socket.on("stream", (request) => stream(`own ${socket.id}`, request));
  socket.on("join", (room, joined) => {
    socket.join(room);
    joined();
  });
  socket.on("broadcast", (room, request) => void broadcast(room, request));
});

http.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () => {
  console.log(`listening on 127.0.0.1:${http.address().port}`);
});
