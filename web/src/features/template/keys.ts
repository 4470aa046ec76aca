/** Keys of the template editor; those of the view are in the viewer. */

import type { ToolName } from '../../canvas/tools';
import type { Editor } from './useEditor';

export type PageKeys = { readonly save: () => void; readonly help: () => void };

type KeyPress = {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
};

const TOOL_KEYS: Readonly<Record<string, ToolName>> = {
  v: 'select',
  h: 'pan',
  r: 'rectangle',
  p: 'polygon',
  e: 'ellipse',
};

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Keys that work wherever the focus is on the page. */
export function globalKey(event: KeyPress, editor: Editor, page: PageKeys): boolean {
  if (!(event.ctrlKey || event.metaKey)) return false;
  const key = event.key.toLowerCase();
  if (key === 's') page.save();
  else if (key === 'z' && event.shiftKey) editor.redo();
  else if (key === 'z') editor.undo();
  else if (key === 'y') editor.redo();
  else return false;
  return true;
}

/** Keys that work while the focus is on the image. */
export function imageKey(event: KeyPress, editor: Editor, page: PageKeys): boolean {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === 'd') editor.copy();
    else if (key === 'a') editor.selectAll();
    else return false;
    return true;
  }
  const arrow = ARROWS[event.key];
  if (arrow) return arrowKey(event, arrow, editor);
  const tool = TOOL_KEYS[key];
  if (tool) editor.setTool(tool);
  else if (key === 'x') editor.setRole(editor.role === 'region' ? 'exclusion' : 'region');
  else if (key === 'l') editor.lock();
  else if (key === 'n') editor.selectNext(1, event.shiftKey);
  else if (key === 'b') editor.selectNext(-1, event.shiftKey);
  else if (key === 'delete' || key === 'backspace') editor.remove();
  else if (key === '?') page.help();
  else if (key === 'escape' && !editor.tool.preview()) {
    if (editor.toolName === 'select') editor.select([]);
    else editor.setTool('select');
  } else return false;
  return true;
}

function arrowKey(event: KeyPress, [dx, dy]: readonly [number, number], editor: Editor): boolean {
  if (editor.toolName !== 'select' || editor.selection.length === 0) return false;
  const step = event.shiftKey ? 10 : 1;
  if (event.altKey) editor.grow(dx * step, dy * step);
  else editor.nudge(dx * step, dy * step);
  return true;
}
