import { generateText, type LanguageModel } from 'ai';
import { defineAgent, tool, type AgentDefinition } from 'enginehouse';
import { z } from 'zod';

import type { DeskTransaction } from './tables.ts';

/** Where the agents have their models from: a provider of the AI SDK, or the kit's `models`, which are one too. */
export interface Models {
  languageModel(name: 'librarian'): LanguageModel;
}

const keep = tool({
  description: 'Keeps a note.',
  inputSchema: z.object({ text: z.string().min(1) }),
  // The call's id is the note's key, so that a repeated call has one effect.
  idempotent: true,
  execute: ({ text }, { database, callId }) =>
    database.transaction(async (db: DeskTransaction) => {
      await db
        .insertInto('notes')
        .values({ id: callId, text })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return { note: callId };
    }),
});

const search = tool({
  description: 'Finds the notes that hold a word.',
  inputSchema: z.object({ word: z.string().min(1) }),
  idempotent: true,
  execute: ({ word }, { database }) =>
    database.transaction(
      async (db: DeskTransaction) => {
        const notes = await db.selectFrom('notes').select('text').orderBy('text').execute();
        return notes.map(({ text }) => text).filter((text) => text.toLowerCase().includes(word.toLowerCase()));
      },
      { readOnly: true },
    ),
});

/** Keeps notes, one after the other. */
const collector = defineAgent({
  name: 'collector',
  inputSchema: z.object({ notes: z.array(z.string().min(1)).min(1) }),
  tools: { keep },
  run: async ({ input, tools }) => {
    for (const text of input.notes) await tools.keep({ text });
    return { kept: input.notes.length };
  },
});

/** The application's agents, on the models that they are given. */
export function createAgents(models: Models): readonly AgentDefinition[] {
  /** Answers from its user's notes. */
  const librarian = defineAgent({
    name: 'librarian',
    inputSchema: z.object({ about: z.string().min(1) }),
    tools: { search },
    timeoutMs: 600_000,
    run: async ({ input: { about }, tools, step, think, say }) => {
      await think(`looking for ${about}`);
      const notes = await tools.search({ word: about });
      // Recorded: whoever takes the run over does not ask the model again.
      const answer = await step('answer', async ({ signal }) => {
        const prompt = `What do these notes say about ${about}?\n${notes.join('\n')}`;
        const { text } = await generateText({ model: models.languageModel('librarian'), prompt, abortSignal: signal });
        return text;
      });
      await say(answer);
      return { answer, notes: notes.length };
    },
  });
  return [collector, librarian];
}
