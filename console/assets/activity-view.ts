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
        return this.#attempt(event);
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

  #attempt({ at, data: { attempt } }: AgentEvent<'agent_started'>): void {
    this.#become('running', 'running');
    if (attempt === 1) return;
    // What was under way then is not any more; what is run again has a line of its own.
    for (const line of this.#tools.values()) line.interrupt();
    this.#say(at, `Taken up again after an interruption, attempt ${attempt}.`);
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
      const line = new ToolLine(event.data.tool);
      this.#tools.set(event.data.call, line);
      this.#say(event.at, ...line.nodes);
    } else if (event.type === 'tool_progress') this.#tools.get(event.data.call)?.progress(event.data.progress);
    else {
      this.#tools.get(event.data.call)?.end(event);
      this.#tools.delete(event.data.call);
    }
  }
}

/** What a tool that reads something says of how far it is. */
interface Progress {
  readonly rows?: unknown;
  readonly bytes?: unknown;
  readonly totalBytes?: unknown;
}

const WORKING = 'working';

class ToolLine {
  readonly nodes: readonly (string | Node)[];
  readonly #text = element('span', { class: 'tool-text' }, WORKING);
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
    const said = this.#text.textContent;
    if (outcome === 'ok') this.#text.textContent = `${said === WORKING ? '' : `${said}, `}${duration(durationMs)}`;
    else if (error?.code === 'RUN_CANCELLED') this.#text.textContent = 'stopped';
    else this.#text.textContent = error === undefined ? outcome : `${outcome}: ${error.message}`;
  }

  /** Its worker was lost; nobody knows how far it came. */
  interrupt(): void {
    this.#bar.hidden = true;
    this.#text.textContent = 'interrupted';
  }
}
