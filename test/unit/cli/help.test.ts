import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folder, syscribe } from './run-cli.ts';

/** Commands that a help text lists; `help` itself has no options. */
function commandsIn(help: string): string[] {
  const list = /\nCommands:\n(.*?)(\n\n|$)/s.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}(\w[\w-]*)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}

test('the help of every command ends with examples of it', (t) => {
  const directory = folder(t, {});
  const seen: string[] = [];
  const waiting: string[][] = [[]];
  for (let path = waiting.shift(); path; path = waiting.shift()) {
    const { status, stdout } = syscribe(directory, ...path, '--help');
    assert.equal(status, 0);
    // As people call it: by kubectl.
    const words = path[0] === 'kubectl' ? ['kubectl', 'syscribe', ...path.slice(1)] : ['syscribe', ...path];
    assert.match(stdout, new RegExp(`\\nExamples?:\\n( {2}\\$ (sudo )?${words.join(' ')}\\b.*\\n)+$`));
    seen.push(path.join(' '));
    waiting.push(...commandsIn(stdout).map((name) => [...(path ?? []), name]));
  }
  for (const name of ['record', 'run', 'merge', 'diff', 'explain', 'audit', 'audit serve', 'kubectl record'])
    assert.ok(seen.includes(name));
});
