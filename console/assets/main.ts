/**
 * The page: give the analyst a ledger, watch it work, read the report.
 *
 *   P1. What is shown of a run is its log and nothing else, so a reload, a lost
 *       connection and a second tab show the same.
 *   P2. The address names the run that is shown: `#run=<id>`.
 *   P3. Text of files and agents is shown as text, never as markup.
 */

import { connect, type ClientRun } from 'enginehouse/client';
import { showConnection } from './connection-view.ts';
import { byId } from './dom.ts';
import { asFailure, hideFailure, showFailure } from './failure-view.ts';
import { RunView } from './run-view.ts';
import { RunsList } from './runs-list.ts';
import { listenForLedgers } from './start-form.ts';

const client = connect({ url: location.origin, attempts: Number.POSITIVE_INFINITY });
const failure = byId('failure', HTMLElement);
const home = byId('home', HTMLElement);
const runSection = byId('run', HTMLElement);
const runs = new RunsList(client);
let view: RunView | undefined;

function fail(thrown: unknown): void {
  showFailure(failure, asFailure(thrown));
}

function announce(text: string): void {
  byId('announcer', HTMLElement).textContent = text;
}

/** P2 */
function shownRun(): string | undefined {
  const named = /^#run=(.+)$/.exec(location.hash)?.[1];
  return named === undefined ? undefined : decodeURIComponent(named);
}

function showHome(): void {
  view?.close();
  view = undefined;
  runSection.hidden = true;
  home.hidden = false;
  document.title = 'Enginehouse';
}

/** Shows the run of the address; `started` when this page has just started it. */
function showAddressed(started?: ClientRun): void {
  const runId = shownRun();
  if (runId !== undefined && runId === view?.runId) return;
  hideFailure(failure);
  showHome();
  runs.mark(runId);
  if (runId === undefined) return;
  home.hidden = true;
  runSection.hidden = false;
  view = new RunView(client, started ?? client.run(runId), {
    announce,
    failed: fail,
    changed: () => void runs.refresh().catch(fail),
    refused: (error) => {
      // No place to come back to; and unlike a new hash it brings no event, which would hide the failure.
      history.replaceState(undefined, '', location.pathname);
      showAddressed();
      fail(error);
    },
  });
}

function start(artifact: string): void {
  const run = client.start('analyst', { artifact });
  location.hash = `run=${encodeURIComponent(run.id)}`;
  showAddressed(run);
  byId('run-title', HTMLElement).focus();
}

const connection = byId('connection', HTMLElement);
showConnection(connection, client.state);
client.onState((state) => {
  showConnection(connection, state);
  // What ended or began while the connection was away.
  if (state === 'open') void runs.refresh().catch(fail);
});
addEventListener('hashchange', () => showAddressed());
listenForLedgers(client, { start, failed: fail, begun: () => hideFailure(failure) });
showAddressed();
runs.refresh().catch(fail);
