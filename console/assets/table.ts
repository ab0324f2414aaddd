import { element } from './dom.ts';

export interface Column {
  readonly title: string;
  /** Figures stand at the right, under each other. */
  readonly figures?: boolean;
}

type Cell = Node | string;

/** A table with a caption, its first column naming each row. On a narrow screen it scrolls by itself. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): HTMLElement {
  const head = element(
    'tr',
    {},
    ...columns.map(({ title, figures }) => element('th', { scope: 'col', class: kind(figures) }, title)),
  );
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell, at) => cellOf(cell, columns[at], at))));
  return element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    element('table', {}, element('caption', {}, caption), element('thead', {}, head), element('tbody', {}, ...body)),
  );
}

function cellOf(cell: Cell, column: Column | undefined, at: number): HTMLElement {
  const shown = kind(column?.figures);
  return at === 0 ? element('th', { scope: 'row', class: shown }, cell) : element('td', { class: shown }, cell);
}

function kind(figures: boolean | undefined): string | undefined {
  return figures === true ? 'figures' : undefined;
}
