import { type ReactNode, useId, useState } from 'react';

export type Tab = { readonly key: string; readonly name: string; readonly content: ReactNode };

type TabsProps = {
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** Where the page's address names the open one; without it the tabs keep it themselves. */
  readonly open?: string | undefined;
  readonly onOpen?: (key: string) => void;
};

/** Tabs with the arrow keys; only the open one is in the page. */
export function Tabs({ label, tabs, open: asked, onOpen }: TabsProps) {
  const [kept, setKept] = useState(tabs[0]?.key);
  const wanted = onOpen ? asked : kept;
  const open = tabs.some((tab) => tab.key === wanted) ? wanted : tabs[0]?.key;
  const setOpen = onOpen ?? setKept;
  const id = useId();
  const step = (by: number) => {
    const at = tabs.findIndex((tab) => tab.key === open);
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (!next) return;
    setOpen(next.key);
    document.getElementById(`${id}-${next.key}`)?.focus();
  };
  const current = tabs.find((tab) => tab.key === open);
  return (
    <div className="tabs">
      <div
        role="tablist"
        aria-label={label}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight') step(1);
          if (event.key === 'ArrowLeft') step(-1);
        }}
      >
        {tabs.map((tab) => (
          <button
            key={tab.key}
            id={`${id}-${tab.key}`}
            type="button"
            role="tab"
            aria-selected={tab.key === open}
            aria-controls={tab.key === open ? `${id}-panel` : undefined}
            tabIndex={tab.key === open ? 0 : -1}
            onClick={() => setOpen(tab.key)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div
        id={`${id}-panel`}
        role="tabpanel"
        aria-labelledby={`${id}-${open}`}
        className="tab-panel"
      >
        {current?.content}
      </div>
    </div>
  );
}
