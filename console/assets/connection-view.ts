/** Says truthfully whether what is shown is live. */
const SAID = {
  connecting: 'connecting',
  open: 'connected',
  reconnecting: 'connection lost, trying again',
  closed: 'not connected',
} as const;

export function showConnection(place: HTMLElement, state: keyof typeof SAID): void {
  place.dataset['state'] = state;
  place.textContent = SAID[state];
}
