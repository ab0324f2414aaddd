import { element } from './dom.ts';

/** The one JSON form of an error, as far as a person is concerned. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly cure: string;
}

export function showFailure(place: HTMLElement, { code, message, cure }: Failure): void {
  const text = [
    element('h2', {}, code),
    element('p', {}, message),
    element('p', {}, element('strong', {}, 'What helps: '), cure),
  ];
  place.replaceChildren(...text);
  place.hidden = false;
}

export function hideFailure(place: HTMLElement): void {
  place.hidden = true;
  place.replaceChildren();
}

/** Any thrown value as a failure to show. Errors of the client carry code and cure. */
export function asFailure(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'PAGE_FAILED', message, cure: 'Reload the page; the run itself goes on.' };
}

function isFailure(value: unknown): value is Failure {
  if (typeof value !== 'object' || value === null) return false;
  return ['code', 'message', 'cure'].every((field) => typeof Reflect.get(value, field) === 'string');
}
