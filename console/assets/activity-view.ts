/**
 * What happens in a run and in the runs below it, as a calm list: one station
 * per run, one line per thing that a person wants to know. A tool has one line,
 * which changes while it works.
 */

import type { AgentEvent } from 'enginehouse/client';
import { element } from './dom.ts';
import { bytes, duration, since, whole } from './format.ts';

export class ActivityView {
  readonly #list: HTMLOListElement;
  readonly #announce: (text: string) => void;
  readonly #stations = new Map<string, Station>();
  #startedAt: number | undefined;

  constructor(list: HTMLOListElement, announce: (text: string) => void) {
    this.#list = list;
    this.#announce = announce;
    list.replaceChildren();
  }

  show(runId: string, event: AgentEvent): void {
    this.#startedAt ??= event.at;
    if (event.type === 'run_accepted') this.#enter(runId, event.data.agent, event.at);
    this.#stations.get(runId)?.show(event);
  }

  #enter(runId: string, agent: string, at: number): void {
    const station = new Station(agent, this.#startedAt ?? at, at);
    this.#stations.set(runId, station);
    this.#list.append(station.node);
    this.#announce(`${agent} starts`);
  }
}

type State = 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled';

class Station {
  readonly node: HTMLLIElement;
  readonly #startedAt: number;
  readonly #enteredAt: number;
  readonly #state = element('span', { class: 'state' });
  readonly #lines = element('ol', { class: 'lines' });
  readonly #tools = new Map<string, ToolLine>();

  constructor(agent: string, startedAt: number, enteredAt: number) {
    this.#startedAt = startedAt;
    this.#enteredAt = enteredAt;
    this.node = element('li', { class: 'station' }, element('h3', {}, agent, ' ', this.#state), this.#lines);
    this.#become('running', 'running');
  }

  show(event: AgentEvent): void {
    switch (event.type) {
      case 'run_queued':
        return this.#become('waiting', `place ${event.data.position} in the queue`);
      case 'agent_started':
        this.#become('running', 'running');
        if (event.data.attempt > 1)
          this.#say(event.at, `Taken up again after an interruption, attempt ${event.data.attempt}.`);
        return;
      case 'agent_thinking':
        return this.#say(event.at, event.data.text ?? event.data.model ?? '');
      case 'step_reset':
        return this.#say(event.at, `Once more: ${event.data.reason}`);
      case 'artifact_created':
        return this.#say(event.at, `${event.data.title}, ${bytes(event.data.bytes)}`);
      case 'cancel_requested':
        return this.#say(event.at, `Asked to stop: ${event.data.reason}`);
      case 'tool_executing':
      case 'tool_progress':
      case 'tool_completed':
        return this.#showTool(event);
      case 'agent_completed':
        return this.#become('completed', `done in ${duration(event.at - this.#enteredAt)}`);
      case 'agent_failed':
        return this.#become('failed', `failed: ${event.data.error.code}`);
      case 'agent_cancelled':
        return this.#become('cancelled', 'cancelled');
      default:
    }
  }

  #become(state: State, text: string): void {
    this.node.dataset['state'] = state;
    this.#state.textContent = text;
  }

  #say(at: number, ...text: readonly (string | Node)[]): void {
    this.#lines.append(
      element('li', {}, element('time', {}, since(at - this.#startedAt)), element('span', {}, ...text)),
    );
  }

  #showTool(event: AgentEvent<'tool_executing' | 'tool_progress' | 'tool_completed'>): void {
    if (event.type === 'tool_executing') {
      // A tool that is run again after an interruption has the same call id, and a line of its own.
      const line = new ToolLine(event.data.tool);
      this.#tools.set(event.data.call, line);
      this.#say(event.at, ...line.nodes);
    } else if (event.type === 'tool_progress') this.#tools.get(event.data.call)?.progress(event.data.progress);
    else this.#tools.get(event.data.call)?.end(event);
  }
}

/** What a tool that reads something says of how far it is. */
interface Progress {
  readonly rows?: unknown;
  readonly bytes?: unknown;
  readonly totalBytes?: unknown;
}

class ToolLine {
  readonly nodes: readonly (string | Node)[];
  readonly #text = element('span', { class: 'tool-text' }, 'working');
  readonly #bar = element('progress', { hidden: '' });

  constructor(tool: string) {
    this.#bar.setAttribute('aria-label', tool);
    this.nodes = [element('code', {}, tool), ' ', this.#text, this.#bar];
  }

  progress(said: unknown): void {
    const { rows, bytes: read, totalBytes }: Progress = typeof said === 'object' && said !== null ? said : {};
    if (typeof rows === 'number') this.#text.textContent = `${whole(rows)} rows`;
    if (typeof read !== 'number' || typeof totalBytes !== 'number' || totalBytes === 0) return;
    this.#bar.hidden = false;
    this.#bar.value = read / totalBytes;
  }

  end({ data: { outcome, durationMs, error } }: AgentEvent<'tool_completed'>): void {
    this.#bar.hidden = true;
    const took = duration(durationMs);
    if (outcome === 'ok')
      this.#text.textContent = this.#text.textContent === 'working' ? took : `${this.#text.textContent}, ${took}`;
    else this.#text.textContent = error === undefined ? outcome : `${outcome}: ${error.message}`;
  }
}
