/** Prints the help of every command, by its words, as JSON: in one process, since to start one for each takes seconds. */
import { main } from '../../../src/cli/main.ts';

const helps: Record<string, string> = {};
const waiting: string[][] = [[], ['open-directory']];
const write = process.stdout.write.bind(process.stdout);
for (let path = waiting.shift(); path; path = waiting.shift()) {
  let text = '';
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += chunk;
    return true;
  };
  const status = await main([process.execPath, 'syscribe', ...path, '--help']);
  process.stdout.write = write;
  if (status !== 0) throw new Error(`${path.join(' ')} --help ended with ${status}`);
  helps[path.join(' ')] = text;
  waiting.push(...commandsIn(text).map((name) => [...(path ?? []), name]));
}
write(JSON.stringify(helps));

/** Commands that a help text lists; `help` itself has no options. */
function commandsIn(help: string): string[] {
  const sections = [...help.matchAll(/^([A-Z][^\n]*):\n((?: {2}.*\n)+)/gm)];
  const lists = sections.filter(([, heading = '']) => !/^(Options|Arguments|Examples?)$/.test(heading));
  const names = lists.flatMap(([, , list = '']) =>
    [...list.matchAll(/^ {2}(\w[\w-]*)/gm)].map(([, name = '']) => name),
  );
  return names.filter((name) => name !== 'help');
}
