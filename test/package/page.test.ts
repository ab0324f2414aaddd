/** The page, as it is built and served, in a real browser: a person gives the analyst a ledger. */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';

import { Folder, startServer, type ServerCommand } from '../support/command.ts';
import { testWithChromium } from '../support/requirements.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A server on a folder of its own, a browser, and what its pages complained of. */
class House implements AsyncDisposable {
  readonly folder: Folder;
  readonly browser: Browser;
  readonly complaints: string[] = [];
  server: ServerCommand;
  url = '';

  private constructor(folder: Folder, browser: Browser) {
    this.folder = folder;
    this.browser = browser;
    this.server = this.#start('0');
  }

  static async open(executablePath: string): Promise<House> {
    const house = new House(await Folder.open(), await chromium.launch({ executablePath, args: FLAGS }));
    house.url = (await house.server.ready()).url;
    return house;
  }

  /** A page in a browser context of its own, as of another person at another machine. */
  async page(path = '/'): Promise<Page> {
    const page = await this.browser.newPage();
    page.setDefaultTimeout(25_000);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    await page.goto(`${this.url}${path}`);
    await page.waitForSelector('#connection[data-state="open"]');
    return page;
  }

  /** A ledger of this many rows, as a file. */
  async ledger(rows: number): Promise<string> {
    const lines = Array.from({ length: rows }, (_, row) => {
      const at = new Date(1_700_000_000_000 + row * 100).toISOString();
      return `${at},${(row % 4_000) + 1},${(row % 900) + 1}\n`;
    });
    const file = this.folder.join('large.csv');
    await writeFile(file, `TIMESTAMP,ContextTokens,GeneratedTokens\n${lines.join('')}`);
    return file;
  }

  /** What a power cut does, and the start after it, at the same address. */
  async killAndStart(): Promise<number> {
    this.server.kill('SIGKILL');
    await this.server.ended;
    this.server = this.#start(new URL(this.url).port);
    return (await this.server.ready()).recoveredRuns;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }

  #start(port: string): ServerCommand {
    return startServer({ cwd: this.folder.path, main: MAIN, livesMs: 120_000 }, '--port', port);
  }
}

function texts(page: Page, selector: string): Promise<readonly string[]> {
  return page.locator(selector).allTextContents();
}

testWithChromium(
  'a person gives it the sample, sees the stations, reads the report and takes it home',
  async (chromiumPath) => {
    await using house = await House.open(chromiumPath);
    const page = await house.page();

    await page.click('#sample');
    await page.waitForSelector('#report:not([hidden])');
    await page.waitForSelector('#proof[data-verified="true"]');

    expect(await page.textContent('#run-title')).toBe('sample-ledger.csv');
    expect(await texts(page, '.station h3')).toEqual(
      ['analyst', 'analyst-triage', 'analyst-data', 'analyst-optimisation', 'analyst-report'].map(
        (agent) => expect.stringMatching(new RegExp(`^${agent} done in `)) as string,
      ),
    );
    expect((await texts(page, '.figures-row dd')).slice(0, 1)).toEqual([expect.stringMatching(/^2,000/)]);
    expect(await page.textContent('#proof')).toMatch(/^\d+ events of 5 runs, CRC verified \([0-9a-f]{8}\)$/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=report.md')]);
    expect(await readFile(await download.path(), 'utf8')).toMatch(/^# Usage report: sample-ledger\.csv\n/);
    expect(house.complaints).toEqual([]);
  },
);

testWithChromium('a file that is no ledger is refused with the reason and what helps', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page();

  const buffer = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(64)]);
  await page.setInputFiles('#file', { name: 'picture.png', mimeType: 'image/png', buffer });
  await page.waitForSelector('#failure:not([hidden])');

  expect(await page.textContent('#failure h2')).toBe('LEDGER_INVALID');
  expect(await texts(page, '#failure p')).toEqual([
    expect.stringMatching(/^picture\.png is not a usage ledger/),
    expect.stringMatching(/^What helps: Give a CSV with a header, or JSONL/),
  ]);
  await page.waitForSelector('#proof[data-verified="true"]');
  await page.click('.brand');
  expect([await page.isVisible('#home'), await page.isVisible('#failure')]).toEqual([true, false]);
});

testWithChromium('what a ledger says is shown as text and never becomes markup', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page();
  const evil = '<img src=x onerror="document.title=1">';
  const ledger = `timestamp,model,input_tokens,output_tokens\n2026-01-01T00:00:00Z,"${evil.replaceAll('"', '""')}",1,1\nnever,${evil.split('"')[0]},1,1\n`;

  await page.setInputFiles('#file', {
    name: `${evil}.csv`.replaceAll('"', ''),
    mimeType: 'text/csv',
    buffer: Buffer.from(ledger),
  });
  await page.waitForSelector('#report:not([hidden])');

  expect(await page.textContent('#run-title')).toContain('<img src=x');
  expect(await page.textContent('#report')).toContain('<img src=x onerror=');
  expect(await page.locator('main img').count()).toBe(0);
  expect(house.complaints).toEqual([]);
});

testWithChromium('a person cancels a run, and it has ended for every page', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page();
  await page.setInputFiles('#file', await house.ledger(400_000));
  await page.waitForSelector('progress:not([hidden])');
  const other = await house.page(new URL(page.url()).hash);
  await other.waitForSelector('progress:not([hidden])');

  await page.click('#cancel');
  await Promise.all([page, other].map((each) => each.waitForSelector('#proof[data-verified="true"]')));

  expect(await page.textContent('#proof')).toBe(await other.textContent('#proof'));
  expect(await page.textContent('#run-facts .state')).toBe('cancelled');
  expect(await other.isVisible('#cancel')).toBe(false);
  expect(await texts(page, '.runs .state')).toEqual(['cancelled']);
});

testWithChromium('a reload, and another browser, show a run from its log', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page();
  await page.setInputFiles('#file', await house.ledger(100_000));
  await page.waitForSelector('.lines code');

  await page.reload();
  await page.waitForSelector('#proof[data-verified="true"]');
  const other = await house.page();
  await other.click('.runs a');
  await other.waitForSelector('#proof[data-verified="true"]');

  expect(await other.textContent('#proof')).toBe(await page.textContent('#proof'));
  expect(await texts(other, '#activity')).toEqual(await texts(page, '#activity'));
  await page.waitForSelector('#report:not([hidden])');
  expect(await page.textContent('.figures-row dd')).toMatch(/^100,000/);
});

testWithChromium('a server that is killed and started again under an open page loses nothing', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page();
  await page.setInputFiles('#file', await house.ledger(400_000));
  await page.waitForSelector('progress:not([hidden])');

  const lost = page.waitForSelector('#connection[data-state="reconnecting"]');
  const recoveredRuns = await house.killAndStart();
  await lost;
  await page.waitForSelector('#proof[data-verified="true"]');
  await page.waitForSelector('#report:not([hidden])');

  expect(recoveredRuns).toBe(1);
  expect(await page.textContent('#connection')).toBe('connected');
  expect(await page.textContent('#activity')).toContain('Taken up again after an interruption');
  expect(await page.textContent('.figures-row dd')).toMatch(/^400,000/);
});

testWithChromium('an address of a run that is not there says so, and leads home', async (chromiumPath) => {
  await using house = await House.open(chromiumPath);
  const page = await house.page('/#run=nobodys');

  await page.waitForSelector('#failure:not([hidden])');

  expect(await page.textContent('#failure h2')).toBe('NOT_FOUND');
  expect(await page.isVisible('#home')).toBe(true);
});

testWithChromium(
  'it works with the keyboard alone, and on a narrow screen nothing is wider than it',
  async (chromiumPath) => {
    await using house = await House.open(chromiumPath);
    const page = await house.page();
    await page.setViewportSize({ width: 360, height: 740 });

    await page.focus('#sample');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#report:not([hidden])');

    expect(await page.evaluate(() => document.activeElement?.id)).toBe('run-title');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.focus('.brand');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#home:not([hidden])');
  },
);
