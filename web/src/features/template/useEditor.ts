/** What is drawn, its history, the selection and the tool. */

import { useMemo, useState } from 'react';
import { makeTools, type ToolContext, type ToolName } from '../../canvas/tools';
import { brush, erase } from '../../core/brush';
import {
  type Alignment,
  addExclusion,
  addRegion,
  align,
  boundsOfKeys,
  type Command,
  type Document,
  duplicate,
  elements,
  emptyDocument,
  findElement,
  move,
  ownerOf,
  type Role,
  remove,
  resize,
  setLocked,
} from '../../core/document';
import { dragHandle, type Shape } from '../../core/geometry';
import { commit, type History, newHistory, redo, undo } from '../../core/history';
import { checkShape, MAX_REGIONS } from '../../core/template';
import { errorText, t } from '../../texts';

export type DrawRole = Exclude<Role, 'defect'>;
export type Step = keyof typeof t.template.steps;
export type Editor = ReturnType<typeof useEditor>;

const NOTHING = emptyDocument({ width: 1, height: 1 });

export function useEditor(onProblem: (text: string) => void) {
  const [history, setHistory] = useState<History<Document>>(() => newHistory(NOTHING));
  const [wanted, setSelection] = useState<readonly string[]>([]);
  const [toolName, setToolName] = useState<ToolName>('select');
  const [role, setRole] = useState<DrawRole>('region');
  const tools = useMemo(makeTools, []);
  const doc = history.present;
  const keys = useMemo(() => new Set(elements(doc).map((e) => e.drawn.key)), [doc]);
  const selection = useMemo(() => wanted.filter((key) => keys.has(key)), [wanted, keys]);

  function run(step: Step, command: Command, tag: string | null = null): void {
    setHistory((h) => commit(h, command(h.present), t.template.steps[step], tag));
  }

  function draw(shape: Shape): void {
    try {
      checkShape(t.template.regionName(doc.regions.length + 1), shape);
    } catch (error) {
      onProblem(errorText(error));
      return;
    }
    if (role === 'exclusion' && !ownerOf(doc, shape)) onProblem(t.template.noOwner);
    else if (role === 'region' && doc.regions.length >= MAX_REGIONS) onProblem(t.template.limit);
    else {
      const add = role === 'region' ? addRegion(shape, t.template.regionName) : addExclusion(shape);
      run(role === 'region' ? 'draw' : 'exclude', add);
      setSelection([`k${doc.nextKey}`]);
    }
  }

  function context(scale: number): ToolContext {
    return {
      doc,
      selection,
      scale,
      brushRadius: 8,
      select: setSelection,
      change: (step, command) => run(step, command),
      draw,
      paint: (stroke, isErase) => run('draw', isErase ? erase(stroke, 8) : brush(stroke, 8, '')),
    };
  }

  function nudge(dx: number, dy: number): void {
    run('move', move(selection, dx, dy), `move ${selection.join(' ')}`);
  }

  function grow(dx: number, dy: number): void {
    const [key] = selection;
    const b = key && boundsOfKeys(doc, [key]);
    if (!key || !b) return;
    const corner = [
      Math.min(doc.size.width, b.x + b.width + dx),
      Math.min(doc.size.height, b.y + b.height + dy),
    ] as const;
    run('resize', resize(key, dragHandle(b, 'se', corner)), `resize ${key}`);
  }

  function copy(): void {
    const offset = Math.max(4, Math.round(Math.max(doc.size.width, doc.size.height) / 60));
    const next = duplicate(selection, offset, t.template.copyName)(doc);
    if (next.regions.length > MAX_REGIONS) {
      onProblem(t.template.limit);
      return;
    }
    run('copy', () => next);
    const owners = new Set(next.regions.map((r) => r.key));
    const fresh = elements(next).filter((e) => !keys.has(e.drawn.key));
    const isTop = (e: (typeof fresh)[number]) =>
      !e.owner || (owners.has(e.owner.key) && keys.has(e.owner.key));
    setSelection(fresh.filter(isTop).map((e) => e.drawn.key));
  }

  function lock(): void {
    const isLocked = selection.every((key) => findElement(doc, key)?.drawn.locked);
    run('lock', setLocked(selection, !isLocked));
  }

  function selectNext(by: number, isAdded: boolean): void {
    const all = elements(doc).map((e) => e.drawn.key);
    if (all.length === 0) return;
    const at = all.indexOf(selection.at(-1) ?? '');
    const start = at < 0 && by < 0 ? 0 : at;
    const key = all[(start + by + all.length) % all.length] ?? '';
    setSelection(isAdded ? [...selection.filter((k) => k !== key), key] : [key]);
  }

  return {
    doc,
    history,
    selection,
    tool: tools[toolName],
    toolName,
    role,
    setRole,
    setTool: setToolName,
    select: setSelection,
    selectNext,
    selectAll: () => setSelection(doc.regions.map((r) => r.key)),
    run,
    context,
    nudge,
    grow,
    copy,
    lock,
    remove: () => run('remove', remove(selection)),
    align: (how: Alignment) => run('align', align(selection, how)),
    undo: () => setHistory(undo),
    redo: () => setHistory(redo),
    load: (next: Document) => {
      setHistory(newHistory(next));
      setSelection([]);
    },
  };
}
