import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PRINT = fileURLToPath(new URL('print-helps.ts', import.meta.url));

test('the help of every command ends with examples of it', () => {
  const helps: Record<string, string> = JSON.parse(execFileSync(process.execPath, [PRINT], { encoding: 'utf8' }));
  for (const [path, text] of Object.entries(helps)) {
    // As people call it: by kubectl.
    const words = path.replace(/^kubectl/, 'kubectl syscribe');
    const called = path.startsWith('kubectl') ? words : `syscribe ${path}`.trim();
    assert.match(text, new RegExp(`\\nExamples?:\\n( {2}\\$ (sudo )?${called}\\b.*\\n)+$`), path);
  }
  for (const name of ['record', 'run', 'merge', 'diff', 'explain', 'audit', 'audit serve', 'kubectl record'])
    assert.ok(name in helps, name);
});
