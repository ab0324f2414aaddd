import type { EnginehouseClient } from '../client/index.ts';
import type { AgentEvent } from '../context/event.ts';
import type { LogOfRun, Reading } from './log-of-run.ts';

/** A run's log as a server has it, for the user who signed in. @throws `NOT_FOUND`, and what ended the connection */
export function logOfServer(client: EnginehouseClient, runId: string): LogOfRun {
  async function* follow(after: number): AsyncGenerator<AgentEvent> {
    for await (const event of client.run(runId)) if (event.seq > after) yield event;
  }
  async function* pages(after: number): AsyncGenerator<AgentEvent> {
    for (let cursor = after; ;) {
      const { events, next, head } = await client.events(runId, cursor);
      yield* events;
      if (events.length === 0 || next >= head) return;
      cursor = next;
    }
  }
  return {
    read: (reading: Reading) => (reading.follow ? follow(reading.after) : pages(reading.after)),
    claim: async () => {
      const { head: n, crc } = await client.getRun(runId);
      return { n, crc };
    },
  };
}
