import type { EnginehouseClient, ListedRun } from 'enginehouse/client';
import { byId, element } from './dom.ts';
import { when } from './format.ts';

const SHOWN = 20;

/** The user's runs, newest first. Runs that other runs started are shown with those. */
export class RunsList {
  readonly #client: EnginehouseClient;
  readonly #list = byId('runs', HTMLOListElement);
  readonly #none = byId('runs-none', HTMLElement);
  #marked: string | undefined;
  #asked = 0;

  constructor(client: EnginehouseClient) {
    this.#client = client;
  }

  /** Asks the server and shows its answer. */
  async refresh(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const { runs } = await this.#client.runs();
    // An answer that a later one has overtaken.
    if (asked !== this.#asked) return;
    const own = runs.filter(({ parentRunId }) => parentRunId === undefined).slice(0, SHOWN);
    this.#list.replaceChildren(...own.map(item));
    this.#none.hidden = own.length > 0;
    this.mark(this.#marked);
  }

  /** Says which one is shown. */
  mark(runId: string | undefined): void {
    this.#marked = runId;
    for (const link of this.#list.querySelectorAll('a')) {
      if (link.dataset['run'] === runId) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }
}

function item({ runId, agent, status, acceptedAt }: ListedRun): HTMLLIElement {
  const text = [
    element('span', { class: 'agent' }, agent),
    element('time', {}, when(acceptedAt)),
    element('span', { class: 'state' }, status),
  ];
  return element(
    'li',
    {},
    element('a', { href: `#run=${encodeURIComponent(runId)}`, 'data-run': runId, 'data-state': status }, ...text),
  );
}
