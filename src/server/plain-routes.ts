/** What is neither a run nor a file: health, the agents, and the page. */

import { serveStatic } from '@hono/node-server/serve-static';
import type { MiddlewareHandler } from 'hono';

import type { DoorApp, DoorEnv } from './answer.ts';
import type { DoorDeps } from './door-deps.ts';

/** The page loads its own files and talks to its own server, and nothing else. */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function addHealthRoutes(app: DoorApp, { ready, version }: DoorDeps): void {
  app.get('/health/live', (c) => c.json({ ok: true, version }));
  app.get('/health/ready', async (c) => {
    const readiness = await ready();
    return c.json(readiness, readiness.ok ? 200 : 503);
  });
}

export function addAgentRoutes(app: DoorApp, { agents }: DoorDeps): void {
  app.get('/api/agents', (c) => {
    return c.json({ agents: agents.list().map(({ name, version, description }) => ({ name, version, description })) });
  });
}

export function addPageRoutes(app: DoorApp, { consoleFolder: root }: DoorDeps): void {
  if (root === undefined) return;
  app.get('/', pageHeaders, serveStatic({ root, path: 'index.html' }));
  app.get('/assets/*', pageHeaders, serveStatic({ root }));
}

const pageHeaders: MiddlewareHandler<DoorEnv> = async (c, next) => {
  c.header('Content-Security-Policy', PAGE_POLICY);
  c.header('Cache-Control', 'no-cache');
  await next();
};
