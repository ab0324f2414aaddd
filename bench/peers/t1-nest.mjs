/**
 * A NestJS testing module as a side of T1: 50 providers, a WebSocket gateway
 * and a controller, listening on a port of its own; proven by one message whose
 * five events come over the socket and are read back over HTTP; and closed. It
 * has no store, no users, no tokens and no audit. The decorators are called as
 * the TypeScript compiler calls them.
 */

import 'reflect-metadata';
import { Controller, Get, Inject, Injectable, Module, Param } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { from } from 'rxjs';
import { WebSocket } from 'ws';

import { serveCycles } from '../t1-work.ts';

const PROVIDERS = 50;
const TYPES = ['agent_started', 'agent_thinking', 'tool_executing', 'tool_completed', 'agent_completed'];

class Log {
  runs = new Map();
}
Injectable()(Log);

/** Each needs the one before. */
function chainOf(length) {
  const chain = [Log];
  while (chain.length < length) {
    class Part {
      constructor(before) {
        this.before = before;
      }
    }
    Inject(chain.at(-1))(Part, undefined, 0);
    Injectable()(Part);
    chain.push(Part);
  }
  return chain;
}
const parts = chainOf(PROVIDERS - 1);

class Gateway {
  constructor(log, last) {
    this.log = log;
    this.last = last;
  }

  run({ nonce }) {
    const events = TYPES.map((event, nth) => ({ event, data: { nonce, nth } }));
    this.log.runs.set(nonce, events);
    return from(events);
  }
}
Inject(Log)(Gateway, undefined, 0);
Inject(parts.at(-1))(Gateway, undefined, 1);
WebSocketGateway({ path: '/ws' })(Gateway);
MessageBody()(Gateway.prototype, 'run', 0);
SubscribeMessage('run')(Gateway.prototype, 'run', Object.getOwnPropertyDescriptor(Gateway.prototype, 'run'));

class Runs {
  constructor(log) {
    this.log = log;
  }

  get(nonce) {
    return this.log.runs.get(nonce);
  }
}
Inject(Log)(Runs, undefined, 0);
Controller('runs')(Runs);
Param('nonce')(Runs.prototype, 'get', 0);
Get(':nonce')(Runs.prototype, 'get', Object.getOwnPropertyDescriptor(Runs.prototype, 'get'));

class App {}
Module({ providers: [...parts, Gateway], controllers: [Runs] })(App);

async function verify(port) {
  const nonce = crypto.randomUUID();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(JSON.stringify({ event: 'run', data: { nonce } }));
  const seen = [];
  await new Promise((resolve) => {
    socket.on('message', (text) => {
      seen.push(JSON.parse(text));
      if (seen.length === TYPES.length) resolve();
    });
  });
  const kept = await (await fetch(`http://127.0.0.1:${port}/runs/${nonce}`)).json();
  if (JSON.stringify(seen) !== JSON.stringify(kept)) throw new Error(`seen ${seen.length}, kept ${kept.length}`);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close();
  await closed;
}

serveCycles({
  async test() {
    const module = await Test.createTestingModule({ imports: [App] }).compile();
    const app = module.createNestApplication({ logger: false });
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    await verify(app.getHttpServer().address().port);
    await app.close();
  },
});
