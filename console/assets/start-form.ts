/** The ways to give the analyst a ledger: choose a file, drop one, or take the sample. */

import type { EnginehouseClient } from 'enginehouse/client';
import { byId } from './dom.ts';
import { bytes } from './format.ts';

interface StartForm {
  /** A ledger was uploaded. */
  start(artifact: string): void;
  failed(error: unknown): void;
  begun(): void;
}

const SAMPLE = 'sample-ledger.csv';
const TITLE_MAX_LENGTH = 256;

export function listenForLedgers(client: EnginehouseClient, page: StartForm): void {
  const form = byId('drop', HTMLFormElement);
  const file = byId('file', HTMLInputElement);
  const status = byId('upload', HTMLElement);
  const controls = [file, byId('sample', HTMLButtonElement)];

  const give = async (title: string, content: () => Promise<Blob>): Promise<void> => {
    page.begun();
    for (const control of controls) control.disabled = true;
    try {
      const ledger = await content();
      status.textContent = `Uploading ${title}, ${bytes(ledger.size)} …`;
      const { artifactId } = await client.uploadArtifact(ledger, { title: titleOf(title) });
      page.start(artifactId);
    } catch (error) {
      page.failed(error);
    } finally {
      status.textContent = '';
      for (const control of controls) control.disabled = false;
    }
  };

  const giveFile = (given: File | undefined): void => {
    if (given !== undefined) void give(given.name, () => Promise.resolve(given));
  };
  file.addEventListener('change', () => {
    giveFile(file.files?.[0]);
    // So that the same file can be chosen once more.
    file.value = '';
  });
  byId('sample', HTMLButtonElement).addEventListener('click', () => void give(SAMPLE, fetchSample));
  listenForDrops(form, giveFile);
}

async function fetchSample(): Promise<Blob> {
  return (await fetch(`/assets/${SAMPLE}`)).blob();
}

/** A file that is dropped beside the form must not replace the page. */
function listenForDrops(form: HTMLFormElement, give: (file: File | undefined) => void): void {
  const over = (is: boolean): void => void form.classList.toggle('over', is);
  addEventListener('dragover', (event) => {
    event.preventDefault();
    over(true);
  });
  addEventListener('dragleave', (event) => over(event.relatedTarget !== null));
  addEventListener('drop', (event) => {
    event.preventDefault();
    over(false);
    if (form.checkVisibility()) give(event.dataTransfer?.files[0]);
  });
}

/** As the server takes it: 1 to 256 characters without control characters. */
function titleOf(name: string): string {
  return (
    name
      .replaceAll(/\p{Cc}/gu, ' ')
      .toWellFormed()
      .slice(0, TITLE_MAX_LENGTH) || 'ledger'
  );
}
