import { styleText } from 'node:util';
import type { EnrichedEvent } from '../event.ts';

const two = (number: number) => String(number).padStart(2, '0');

/** One event for a person: when, what became of it, whose it was, who did it, what it was. */
export function renderPretty(event: EnrichedEvent, color: boolean): string {
  const verdict = verdictOf(event);
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const { comm = '?', pid = '?', exe } = event.process ?? {};
  return `${[
    style('dim', localTime(event.time)),
    style(REFUSALS.test(verdict) ? 'red' : 'yellow', visible(verdict).padEnd(12)),
    style('cyan', visible(whose(event)).padEnd(30)),
    `${visible(comm)}[${pid}]${exe === undefined ? '' : ` ${style('dim', visible(exe))}`}`,
    visible(what(event)),
  ].join('  ')}\n`;
}

const REFUSALS = /^(?:errno|trap|kill|denied|DENIED)/;

function verdictOf({ seccomp, selinux, apparmor }: EnrichedEvent): string {
  if (seccomp) return seccomp.action;
  if (selinux) return selinux.permissive ? `${selinux.verdict}, let` : selinux.verdict;
  return apparmor?.verdict ?? '';
}

function whose({ container }: EnrichedEvent): string {
  if (!container) return 'host';
  const { namespace, pod, name, id } = container;
  return [namespace, pod, name ?? id.slice(0, 12)].filter((part) => part !== undefined).join('/');
}

function what({ seccomp, selinux, apparmor }: EnrichedEvent): string {
  if (seccomp) return `${seccomp.syscall ?? 'unknown'} (${seccomp.arch} ${seccomp.number})`;
  if (selinux) {
    const { permissions, class: objectClass, path, scontext, tcontext } = selinux;
    return `{ ${permissions.join(' ')} } ${objectClass}${path === undefined ? '' : ` ${path}`} ${scontext} -> ${tcontext}`;
  }
  if (!apparmor) return '';
  const { operation, profile, name, capability, family, sockType, peer, requested, denied } = apparmor;
  const parts = [operation, profile && `by ${profile}:`, capability, family, sockType, name, peer && `peer ${peer}`];
  return [...parts, (denied ?? requested) && `(${denied ?? requested})`].filter(Boolean).join(' ');
}

function localTime(iso: string): string {
  const date = new Date(iso);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** What a terminal would act on, or hide, is shown by its number: a process chooses its name. */
function visible(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
