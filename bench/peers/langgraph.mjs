/**
 * LangGraph.js as a side of R2: a graph of five nodes on its Postgres
 * checkpointer. What its stream writer writes is not kept, so the events are
 * state, with the reducer that its documentation has for messages. Durability
 * is `sync`: a step is kept before the next one starts, as on the other sides.
 */

import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';

import { eventsOf, serve, STEPS } from '../r2-work.ts';

const State = Annotation.Root({
  total: Annotation(),
  events: Annotation({ reducer: (known, more) => known.concat(more), default: () => [] }),
});

async function open(databaseUrl) {
  const checkpointer = PostgresSaver.fromConnString(databaseUrl);
  await checkpointer.setup();
  const graph = new StateGraph(State);
  for (const number of STEPS) {
    graph.addNode(`add${number}`, ({ total }) => ({ total: total + number, events: [...eventsOf(number)] }));
    graph.addEdge(number === STEPS[0] ? START : `add${number - 1}`, `add${number}`);
  }
  return graph.addEdge(`add${STEPS.at(-1)}`, END).compile({ checkpointer });
}

const threadOf = (runId) => ({ configurable: { thread_id: runId } });

await serve({
  async work(databaseUrl) {
    const graph = await open(databaseUrl);
    return async (runId) => {
      const { total } = await graph.invoke({ total: 0 }, { ...threadOf(runId), durability: 'sync' });
      return total;
    };
  },
  async read(databaseUrl) {
    const graph = await open(databaseUrl);
    return async (runId) => {
      const { total, events } = (await graph.getState(threadOf(runId))).values;
      return { total, events };
    };
  },
});
