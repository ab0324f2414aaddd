import type { Write } from '../log/writes.ts';
import { runKey } from './appends.ts';

/**
 * Cuts a group where a write concerns what an earlier one concerns, so that the writes of a round can be made in any
 * order and all at once. Appends to one run may stay together, they are made in their order. Nearly every group is one
 * round, because a run's writer waits for one write before it makes the next.
 */
export function rounds(writes: readonly Write[]): readonly (readonly Write[])[] {
  const cut: Write[][] = [];
  let seen = new Map<string, Write['name']>();
  for (const write of writes) {
    const subjects = subjectsOf(write);
    const round = cut.at(-1);
    const clash = subjects.some(
      (subject) => seen.has(subject) && !(isAppend(write.name) && seen.get(subject) === write.name),
    );
    if (round === undefined || clash) {
      seen = new Map();
      cut.push([write]);
    } else {
      round.push(write);
    }
    for (const subject of subjects) seen.set(subject, write.name);
  }
  return cut;
}

function isAppend(name: Write['name']): boolean {
  return name === 'append';
}

/** What a write reads or changes, one text each. */
function subjectsOf({ name, args }: Write): readonly string[] {
  switch (name) {
    case 'append':
    case 'take':
    case 'deleteRun':
      return [runKey(args.owner, args.runId)];
    case 'accept':
      return [runKey(args.owner, args.run.runId)];
    case 'putCommand':
      return [runKey(args.owner, args.command.runId), `command ${runKey(args.owner, args.command.commandId)}`];
    case 'applied':
      return [`command ${runKey(args.owner, args.commandId)}`];
    case 'piece':
      return [`artifact ${runKey(args.owner, args.artifact.artifactId)}`];
    case 'deleteArtifact':
      return [`artifact ${runKey(args.owner, args.artifactId)}`];
    case 'dropUpload':
    case 'dropLeftovers':
      return [];
  }
}
