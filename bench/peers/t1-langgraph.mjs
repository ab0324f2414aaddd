/**
 * LangGraph's embed server as a side of T1: a graph of a model turn and one
 * tool on its in-memory checkpointer, served over HTTP on a port of its own,
 * proven by one streamed run whose state is read back, and closed. It has no
 * users, no tokens and no audit.
 */

import { serve } from '@hono/node-server';
import { AIMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';
import { createEmbedServer } from '@langchain/langgraph-api/experimental/embed';
import { ToolNode } from '@langchain/langgraph/prebuilt';
import { z } from 'zod';

import { serveCycles } from '../t1-work.ts';

const echo = tool(({ nonce }) => nonce, { name: 'echo', schema: z.object({ nonce: z.string() }) });

function agent({ messages }) {
  const call = { id: 'call-1', name: 'echo', args: { nonce: messages[0].content } };
  return { messages: [new AIMessage({ content: 'answering', tool_calls: [call] })] };
}

/** What its documentation leaves to whoever embeds it. */
class Threads {
  #known = new Map();
  get = async (id) => this.#known.get(id);
  set = async (id, { metadata }) => {
    const thread = { thread_id: id, metadata: { ...this.#known.get(id)?.metadata, ...metadata } };
    this.#known.set(id, thread);
    return thread;
  };
  delete = async (id) => void this.#known.delete(id);
}

async function verify(url) {
  const nonce = crypto.randomUUID();
  const ask = (path, body) =>
    fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
  const { thread_id: thread } = await (await ask('/threads', {})).json();
  const input = { messages: [{ role: 'user', content: nonce }] };
  const streamed = await ask(`/threads/${thread}/runs/stream`, {
    assistant_id: 'verify',
    input,
    stream_mode: 'updates',
  });
  const events = (await streamed.text()).match(/^event: .*$/gm) ?? [];
  const { values } = await (await ask(`/threads/${thread}/state`)).json();
  const kept = values.messages.at(-1).content;
  if (kept !== nonce || events.join() !== 'event: metadata,event: updates,event: updates')
    throw new Error(`kept ${kept}, events ${events.join()}`);
}

serveCycles({
  async test() {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode('agent', agent)
      .addNode('tools', new ToolNode([echo]))
      .addEdge(START, 'agent')
      .addEdge('agent', 'tools')
      .addEdge('tools', END)
      .compile();
    const app = createEmbedServer({
      graph: { verify: graph },
      threads: new Threads(),
      checkpointer: new MemorySaver(),
    });
    let server;
    const { port } = await new Promise((resolve) => {
      server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, resolve);
    });
    await verify(`http://127.0.0.1:${port}`);
    await new Promise((resolve) => server.close(resolve));
  },
});
