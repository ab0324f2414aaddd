/**
 * The HTTP door: every route, behind the same checks in the same order.
 *
 *   H1. Closing, then the Host and Origin, then who it is, then the route.
 *   H2. Below `/api/` nothing is answered to somebody unknown, not even that a path is none.
 *   H3. Every answer carries headers that keep a browser from guessing, framing and caching.
 */

import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { secureHeaders } from 'hono/secure-headers';

import { EnginehouseError } from '../base/errors.ts';
import { draining, notFound, sendError, type DoorApp, type DoorEnv } from './answer.ts';
import { addArtifactRoutes } from './artifact-routes.ts';
import { callerOfRequest } from './caller.ts';
import type { DoorDeps } from './door-deps.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import { addEventRoutes } from './event-routes.ts';
import type { OpenStreams } from './open-streams.ts';
import { addAgentRoutes, addHealthRoutes, addPageRoutes } from './plain-routes.ts';
import { addRunRoutes } from './run-routes.ts';

const PREFLIGHT_SECONDS = 600;

export function createHttpApp(deps: DoorDeps, doorkeeper: Doorkeeper, streams: OpenStreams): DoorApp {
  const app: DoorApp = new Hono<DoorEnv>();
  const { log } = deps;
  app.onError((error, c) => sendError(c, error, log));
  app.notFound((c) => sendError(c, notFound('path', c.req.path), log));
  addHeaders(app);
  addChecks(app, { deps, doorkeeper, streams });
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, allowed) => {
        const { method, path } = c.req;
        return sendError(
          c,
          new EnginehouseError('METHOD_NOT_ALLOWED', `${path} takes no ${method}`, { method, allowed }),
          log,
        );
      },
    }),
  );
  addHealthRoutes(app, deps);
  addAgentRoutes(app, deps);
  addRunRoutes(app, deps);
  addEventRoutes(app, deps, streams);
  addArtifactRoutes(app, deps);
  addPageRoutes(app, deps);
  return app;
}

/** H3. A route that says more of one of these keeps its word. */
function addHeaders(app: DoorApp): void {
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
      // Whether a name is to be reached by TLS only is for whoever serves TLS under it.
      strictTransportSecurity: false,
      overwrite: false,
    }),
  );
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store');
  });
}

interface Checks {
  readonly deps: DoorDeps;
  readonly doorkeeper: Doorkeeper;
  readonly streams: OpenStreams;
}

/** H1, H2. */
function addChecks(app: DoorApp, { deps, doorkeeper, streams }: Checks): void {
  app.use(async (c, next) => {
    if (streams.closed) {
      c.header('Connection', 'close');
      throw draining();
    }
    doorkeeper.admit(callerOfRequest(c.req.raw, c.env.incoming));
    await next();
  });
  const { allowedOrigins } = deps.auth;
  if (allowedOrigins.size > 0) {
    app.use(
      cors({
        origin: [...allowedOrigins],
        allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
        allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'Range', 'If-Range'],
        exposeHeaders: ['Location', 'Retry-After', 'Content-Range', 'Content-Disposition', 'ETag'],
        maxAge: PREFLIGHT_SECONDS,
      }),
    );
  }
  app.use('/api/*', async (c, next) => {
    c.set('principal', await doorkeeper.identify(callerOfRequest(c.req.raw, c.env.incoming)));
    await next();
  });
}
