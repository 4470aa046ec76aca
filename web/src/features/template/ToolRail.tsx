import type { ToolName } from '../../canvas/tools';
import { IconButton } from '../../components/Button';
import { t } from '../../texts';
import type { Editor } from './useEditor';

const TOOLS: readonly [ToolName, string][] = [
  ['select', 'V'],
  ['pan', 'H'],
  ['rectangle', 'R'],
  ['polygon', 'P'],
  ['ellipse', 'E'],
];

type ToolRailProps = {
  readonly editor: Editor;
  /** After a click with the pointer, keys go to the image. */
  readonly onPointed: () => void;
};

export function ToolRail({ editor, onPointed }: ToolRailProps) {
  return (
    <div
      className="tool-rail"
      role="toolbar"
      aria-label={t.tools.label}
      aria-orientation="vertical"
    >
      {TOOLS.map(([name, keys]) => (
        <IconButton
          key={name}
          icon={name}
          label={t.tools[name]}
          keys={keys}
          aria-pressed={editor.toolName === name}
          onClick={(event) => {
            editor.setTool(name);
            if (event.detail > 0) onPointed();
          }}
        />
      ))}
    </div>
  );
}
