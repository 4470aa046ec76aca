import { BoxTool } from './box';
import { PolygonTool } from './polygon';
import { SelectTool } from './select';
import { StrokeTool } from './stroke';
import type { Tool, ToolName } from './tool';

export type { Preview, Tool, ToolContext, ToolName, ToolPointer } from './tool';

/** The viewer itself pans; as a tool it changes nothing. */
const PAN: Tool = {
  name: 'pan',
  down() {},
  move() {},
  up() {},
  key: () => false,
  cancel() {},
  preview: () => null,
};

export function makeTools(): Record<ToolName, Tool> {
  return {
    select: new SelectTool(),
    pan: PAN,
    rectangle: new BoxTool('rectangle'),
    ellipse: new BoxTool('ellipse'),
    polygon: new PolygonTool(),
    brush: new StrokeTool('brush'),
    eraser: new StrokeTool('eraser'),
    smart: new StrokeTool('smart'),
  };
}
