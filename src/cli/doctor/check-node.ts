import { leastNode } from '../../startup/package-files.ts';
import { finding, type Finding } from './finding.ts';

export function checkNode(): Finding {
  const { node } = process.versions;
  const least = leastNode();
  if (isAtLeast(node, least)) return finding('ok', 'Node', node);
  return finding('fail', 'Node', `${node}, and ${least} or newer is needed`, `Install Node ${least} or newer.`);
}

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0;
}
