/**
 * One run as the page shows it, with the runs below it.
 *
 *   V1. It is followed from its first event, live or long over alike.
 *   V2. When the client says that what was shown is not the log, all of it is
 *       dropped and shown anew.
 *   V3. At the end it says how many events were shown and that their CRC is the log's.
 *   V4. Closed, it shows nothing more; the run itself goes on.
 */

import {
  followTree,
  isEnginehouseError,
  type AgentEvent,
  type ClientRun,
  type EnginehouseClient,
} from 'enginehouse/client';
import { ActivityView } from './activity-view.ts';
import { byId, element } from './dom.ts';
import { when, whole } from './format.ts';
import type { Report } from './report.ts';
import { reportView } from './report-view.ts';

export interface RunPage {
  announce(text: string): void;
  /** Something about it failed, or the run itself did. */
  failed(error: unknown): void;
  /** It began or ended. */
  changed(): void;
  /** The server did not take it, or does not have it. */
  refused(error: unknown): void;
}

/** How often V2 may happen before it is a failure. */
const RESETS = 2;

export class RunView {
  readonly runId: string;
  readonly #client: EnginehouseClient;
  readonly #page: RunPage;
  readonly #root: ClientRun;
  readonly #followed = new Map<string, ClientRun>();
  readonly #title = byId('run-title', HTMLElement);
  readonly #facts = byId('run-facts', HTMLElement);
  readonly #cancel = byId('cancel', HTMLButtonElement);
  readonly #report = byId('report', HTMLElement);
  readonly #proof = byId('proof', HTMLElement);
  #activity: ActivityView;
  #agent = 'run';
  #said = '';
  #acceptedAt = 0;
  #closed = false;

  constructor(client: EnginehouseClient, root: ClientRun, page: RunPage) {
    this.runId = root.id;
    this.#client = client;
    this.#page = page;
    this.#root = root;
    this.#activity = this.#clear();
    this.#cancel.onclick = () => void this.#askToCancel();
    void this.#follow();
  }

  /** V4 */
  close(): void {
    this.#closed = true;
    this.#cancel.onclick = null;
    this.#clear();
    for (const run of this.#followed.values()) run.leave();
  }

  #clear(): ActivityView {
    this.#title.textContent = 'Run';
    this.#facts.replaceChildren();
    this.#cancel.hidden = true;
    this.#cancel.disabled = false;
    this.#cancel.textContent = 'Cancel';
    this.#report.hidden = true;
    this.#report.replaceChildren();
    this.#proof.textContent = '';
    this.#said = '';
    return new ActivityView(byId('activity', HTMLOListElement), (text) => this.#page.announce(text));
  }

  async #follow(): Promise<void> {
    for (let resets = 0; ; resets += 1) {
      try {
        await followTree(
          this.runId,
          (id) => this.#run(id),
          ({ runId, event }) => this.#show(runId, event),
        );
        return this.#closed ? undefined : this.#prove();
      } catch (error) {
        if (this.#closed) return;
        if (!isEnginehouseError(error, 'STREAM_RESET') || resets === RESETS) return this.#end(error);
        this.#followed.clear();
        this.#activity = this.#clear();
      }
    }
  }

  /** The first time the run that was handed in: it may not be accepted yet, and waits for it. */
  #run(id: string): ClientRun {
    const run = id === this.runId && !this.#followed.has(id) ? this.#root : this.#client.run(id);
    this.#followed.set(id, run);
    return run;
  }

  #show(runId: string, event: AgentEvent): void {
    if (this.#closed) return;
    this.#activity.show(runId, event);
    if (event.type === 'tool_completed') this.#nameBy(event);
    if (runId === this.runId) this.#showRoot(event);
  }

  #showRoot(event: AgentEvent): void {
    switch (event.type) {
      case 'run_accepted':
        this.#agent = event.data.agent;
        this.#acceptedAt = event.at;
        this.#name(this.#agent);
        this.#cancel.hidden = false;
        this.#state('queued');
        return this.#page.changed();
      case 'agent_started':
        return this.#state('running');
      case 'message_delta':
        this.#said += event.data.delta;
        return;
      case 'agent_completed':
        void this.#showResult(event.data);
        return this.#over('completed');
      case 'agent_failed':
        this.#page.failed(event.data.error);
        return this.#over('failed');
      case 'agent_cancelled':
        return this.#over('cancelled');
      default:
    }
  }

  #over(state: 'completed' | 'failed' | 'cancelled'): void {
    this.#cancel.hidden = true;
    this.#state(state);
    this.#page.announce(`${this.#agent} ${state}`);
    this.#page.changed();
  }

  #state(state: string): void {
    const facts = [`${this.#agent}, ${when(this.#acceptedAt)}, `, element('code', {}, this.runId)];
    this.#facts.replaceChildren(element('span', { class: 'state', 'data-state': state }, state), ' ', ...facts);
  }

  #name(name: string): void {
    this.#title.textContent = name;
    document.title = `${name} · Enginehouse`;
  }

  /** A ledger has a name that says more than its agent's. */
  #nameBy({ data: { tool, result } }: AgentEvent<'tool_completed'>): void {
    const file = typeof result === 'object' && result !== null ? Reflect.get(result, 'file') : undefined;
    if (tool === 'inspect_ledger' && typeof file === 'string') this.#name(file);
  }

  async #showResult({ result, resultArtifact }: AgentEvent<'agent_completed'>['data']): Promise<void> {
    try {
      const whole = resultArtifact === undefined ? result : await this.#json(resultArtifact);
      const files = reportFiles(whole);
      const shown =
        files === undefined
          ? plainResult(whole)
          : reportView((await this.#json(files.json)) as Report, { ...files, summary: this.#said });
      if (this.#closed) return;
      this.#report.replaceChildren(...shown);
      this.#report.hidden = false;
    } catch (error) {
      if (!this.#closed) this.#page.failed(error);
    }
  }

  async #json(artifact: string): Promise<unknown> {
    return (await this.#client.artifact(artifact)).json();
  }

  async #askToCancel(): Promise<void> {
    this.#cancel.disabled = true;
    this.#cancel.textContent = 'Cancelling …';
    try {
      await this.#root.cancel('cancelled on the page');
    } catch (error) {
      this.#cancel.disabled = false;
      this.#cancel.textContent = 'Cancel';
      if (!this.#closed) this.#page.failed(error);
    }
  }

  /** V3 */
  #prove(): void {
    const proofs = [...this.#followed.values()].map(({ proof }) => proof);
    const events = proofs.reduce((sum, { n }) => sum + n, 0);
    const verified = proofs.every((proof) => proof.verified);
    const runs = proofs.length === 1 ? 'this run' : `${proofs.length} runs`;
    const crc = this.#followed.get(this.runId)?.proof.crc ?? '';
    this.#proof.dataset['verified'] = String(verified);
    this.#proof.textContent = `${whole(events)} events of ${runs}, ${verified ? 'CRC verified' : 'not verified'} (${crc})`;
  }

  #end(error: unknown): void {
    if (this.#acceptedAt === 0) this.#page.refused(error);
    else this.#page.failed(error);
  }
}

/** The ids that the analyst results in. */
function reportFiles(result: unknown): { readonly json: string; readonly markdown: string } | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const [json, markdown]: readonly unknown[] = [Reflect.get(result, 'report'), Reflect.get(result, 'markdown')];
  return typeof json === 'string' && typeof markdown === 'string' ? { json, markdown } : undefined;
}

function plainResult(result: unknown): readonly Node[] {
  return [element('h2', {}, 'Result'), element('pre', { tabindex: '0' }, JSON.stringify(result, undefined, 2))];
}
