import type { ToolName } from '../../canvas/tools';
import { IconButton } from '../../components/Button';
import { t } from '../../texts';

/** Keys of the tools; a page names those it has. */
export const TOOL_KEYS: Readonly<Record<ToolName, string>> = {
  select: 'V',
  pan: 'H',
  rectangle: 'R',
  polygon: 'P',
  ellipse: 'E',
  brush: 'B',
  eraser: 'X',
  smart: 'S',
};

type ToolRailProps = {
  readonly tools: readonly ToolName[];
  readonly current: ToolName;
  readonly onChoose: (tool: ToolName) => void;
  /** After a click with the pointer, keys go to the image. */
  readonly onPointed: () => void;
};

export function ToolRail({ tools, current, onChoose, onPointed }: ToolRailProps) {
  return (
    <div
      className="tool-rail"
      role="toolbar"
      aria-label={t.tools.label}
      aria-orientation="vertical"
    >
      {tools.map((name) => (
        <IconButton
          key={name}
          icon={name}
          label={t.tools[name]}
          keys={TOOL_KEYS[name]}
          aria-pressed={current === name}
          onClick={(event) => {
            onChoose(name);
            if (event.detail > 0) onPointed();
          }}
        />
      ))}
    </div>
  );
}
