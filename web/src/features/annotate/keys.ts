/** Keys of the annotation of one image; those of the view are in the viewer. */

import type { ToolName } from '../../canvas/tools';
import type { Mode } from './going';
import type { Labeller } from './useAnnotator';

export type ImageKeys = {
  readonly mode: Mode;
  readonly setMode: (mode: Mode) => void;
  readonly setTool: (tool: ToolName) => void;
  readonly step: (by: 1 | -1) => void;
  readonly free: () => void;
  readonly back: () => void;
  readonly copyPrevious: () => void;
  readonly nameType: () => void;
  readonly save: () => void;
  readonly help: () => void;
};

type KeyPress = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey'>;

const TOOLS: Readonly<Record<string, ToolName>> = {
  v: 'select',
  h: 'pan',
  r: 'rectangle',
  p: 'polygon',
  e: 'ellipse',
  b: 'brush',
  x: 'eraser',
  s: 'smart',
};

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Keys that work wherever the focus is on the page. */
export function pageKey(event: KeyPress, labeller: Labeller, page: ImageKeys): boolean {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) return commandKey(key, event.shiftKey, labeller, page);
  const tool = TOOLS[key];
  if (tool) page.setTool(tool);
  else if (key === 'o') labeller.judge('ok');
  else if (key === 'n') labeller.judge('ng');
  else if (key === 'u') labeller.judge(null);
  else if (key === 'f') page.free();
  else if (key === 'j' || key === 'pagedown') page.step(1);
  else if (key === 'k' || key === 'pageup') page.step(-1);
  else if (key === 'g') page.back();
  else if (key === 'm') page.setMode(page.mode === 'verdicts' ? 'outlines' : 'verdicts');
  else if (key === 'c') page.copyPrevious();
  else if (key === 't') page.nameType();
  else if (key === '[') labeller.setBrushRadius(labeller.brushRadius / 1.25);
  else if (key === ']') labeller.setBrushRadius(labeller.brushRadius * 1.25);
  else if (key === '?') page.help();
  else return false;
  return true;
}

function commandKey(key: string, isShift: boolean, labeller: Labeller, page: ImageKeys): boolean {
  if (key === 's') page.save();
  else if (key === 'z' && isShift) labeller.redo();
  else if (key === 'z') labeller.undo();
  else if (key === 'y') labeller.redo();
  else return false;
  return true;
}

/** Keys that work while the focus is on the image. */
export function imageKey(event: KeyPress, labeller: Labeller, page: ImageKeys): boolean {
  const arrow = ARROWS[event.key];
  if (arrow) return arrowKey(event, arrow, labeller, page);
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key.toLowerCase() === 'a') labeller.selectAll();
  else if (event.key === 'Delete' || event.key === 'Backspace') labeller.remove();
  else if (event.key === 'Escape' && !labeller.tool.preview()) {
    if (labeller.selection.length > 0) labeller.select([]);
    else labeller.setTool('select');
  } else return pageKey(event, labeller, page);
  return true;
}

function arrowKey(
  event: KeyPress,
  [dx, dy]: readonly [number, number],
  labeller: Labeller,
  page: ImageKeys,
): boolean {
  if (labeller.toolName !== 'select') return false;
  if (labeller.chosenDefects.length > 0) {
    const step = event.shiftKey ? 10 : 1;
    labeller.nudge(dx * step, dy * step);
    return true;
  }
  if (dx === 0 || event.shiftKey || labeller.selection.length > 0) return false;
  page.step(dx > 0 ? 1 : -1);
  return true;
}
