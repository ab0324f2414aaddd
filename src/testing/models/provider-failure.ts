import { APICallError } from '@ai-sdk/provider';
import type { ModelCall } from './model-call.ts';

const STATUSES = {
  400: ['invalid_request_error', 'The request is malformed'],
  401: ['authentication_error', 'The API key is invalid'],
  403: ['permission_error', 'The API key may not use this model'],
  404: ['not_found_error', 'The model does not exist'],
  408: ['timeout_error', 'The request took too long'],
  413: ['request_too_large', 'The request is too large'],
  429: ['rate_limit_error', 'The rate limit is reached'],
  500: ['api_error', 'The server has failed'],
  503: ['unavailable_error', 'The service is unavailable'],
  529: ['overloaded_error', 'The model is overloaded'],
} as const;

type Status = keyof typeof STATUSES;

/** What a provider answers, or how the way to it breaks: 'cut' ends an answer in its middle. */
export type ModelFailure = `${Status}` | 'timeout' | 'network' | 'cut';

export const MODEL_FAILURES: readonly string[] = [...Object.keys(STATUSES), 'timeout', 'network', 'cut'];

/** The error that a provider of the AI SDK gives for this failure: same class, headers and body, retryable or not. */
export function providerFailure(
  call: ModelCall,
  failure: Exclude<ModelFailure, 'cut'>,
  retryAfterMs: number | undefined,
): APICallError {
  const url = urlOf(call);
  const requestBodyValues = { model: call.model };
  if (failure === 'timeout' || failure === 'network') {
    const reason =
      failure === 'timeout'
        ? networkError('UND_ERR_HEADERS_TIMEOUT', 'Headers Timeout Error')
        : networkError('ECONNRESET', 'read ECONNRESET');
    return new APICallError({
      message: `Cannot connect to API: ${reason.message}`,
      cause: reason,
      url,
      requestBodyValues,
      isRetryable: true,
    });
  }
  const [type, message] = STATUSES[failure];
  const data = { type: 'error', error: { type, message } };
  return new APICallError({
    message,
    url,
    requestBodyValues,
    statusCode: Number(failure),
    responseHeaders: { 'content-type': 'application/json', ...retryHeaders(retryAfterMs) },
    responseBody: JSON.stringify(data),
    data,
  });
}

/** What reading an answer throws when its connection is lost. */
export function cutStream(): TypeError {
  return new TypeError('terminated', { cause: networkError('UND_ERR_SOCKET', 'other side closed') });
}

/** The same, for a caller who waits for the whole answer. */
export function cutAnswer(call: ModelCall): APICallError {
  return new APICallError({
    message: 'Failed to process successful response',
    cause: cutStream(),
    statusCode: 200,
    url: urlOf(call),
    responseHeaders: { 'content-type': 'application/json' },
    requestBodyValues: { model: call.model },
    isRetryable: true,
  });
}

function networkError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function retryHeaders(ms: number | undefined): Record<string, string> {
  if (ms === undefined) return {};
  return { 'retry-after': String(ms / 1_000), 'retry-after-ms': String(ms) };
}

function urlOf({ model }: ModelCall): string {
  return `https://models.test/v1/${encodeURIComponent(model)}`;
}
