import type { LanguageModelV4, ProviderV4 } from '@ai-sdk/provider';
import type { LanguageModel } from 'ai';
import { Models } from '../../src/testing/models/models.ts';

const models = new Models();

/** They are the AI SDK's own types. */
export const provider: ProviderV4 = models;
export const model: LanguageModelV4 & LanguageModel = models.languageModel('researcher');

models.script('researcher', (s) => s.think('…').call('search', { q: 'otters' }).also('price').say('Done.'));
models.script('researcher', (s) => s.reply(async (call, turn) => turn.say(call.lastUserMessage)));
models.for({ id: 'alice' }).fail('529', { model: 'researcher', times: Infinity });

// @ts-expect-error a script is written, not given
models.script('researcher', 'Hello.');
// @ts-expect-error no provider answers this
models.fail('418');
// @ts-expect-error a point of an answer has a number of tokens
models.hold('researcher').after.tokens();
// @ts-expect-error a computed turn is one turn
models.script('researcher', (s) => s.reply((_call, turn) => turn.turn()));
