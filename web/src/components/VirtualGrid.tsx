/** A long list or grid of which only the visible part is in the page. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

/** Makes the grid one stop of the keyboard in which items are chosen. */
export type Listbox<T> = {
  readonly active: number;
  readonly isSelected: (item: T) => boolean;
  readonly isMultiple?: boolean;
  readonly onPick: (index: number, event: React.MouseEvent) => void;
  readonly onOpen?: (index: number) => void;
  readonly onKeyDown: (event: React.KeyboardEvent, columns: number) => void;
};

type VirtualGridProps<T> = {
  readonly label: string;
  readonly items: readonly T[];
  readonly itemKey: (item: T) => string;
  readonly children: (item: T, index: number) => ReactNode;
  /** Of one row, in CSS pixels. */
  readonly rowHeight: number;
  /** Least width of a cell; null = one cell a row. */
  readonly cellWidth?: number | null;
  /** The end is near: load more. */
  readonly onEnd?: () => void;
  /** Brought into view when it changes. */
  readonly current?: number;
  readonly className?: string;
  readonly listbox?: Listbox<T>;
};

export function VirtualGrid<T>(props: VirtualGridProps<T>) {
  const { items, rowHeight, cellWidth = null, onEnd, current } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const columns = cellWidth === null ? 1 : Math.max(1, Math.floor(width / cellWidth));
  const rows = Math.ceil(items.length / columns);
  const virtual = useVirtualizer({
    count: rows,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 4,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? -1;
  useEffect(() => {
    if (rows > 0 && last >= rows - 2) onEnd?.();
  }, [rows, last, onEnd]);
  useEffect(() => {
    if (current !== undefined && current >= 0) virtual.scrollToIndex(Math.floor(current / columns));
  }, [current, columns, virtual]);
  const { listbox } = props;
  const id = useId();
  const isActiveShown =
    listbox !== undefined &&
    listbox.active >= 0 &&
    listbox.active < items.length &&
    shown.some((row) => row.index === Math.floor(listbox.active / columns));
  const list = listbox && {
    role: 'listbox',
    tabIndex: 0,
    'aria-multiselectable': listbox.isMultiple ?? false,
    ...(isActiveShown ? { 'aria-activedescendant': `${id}-${listbox.active}` } : {}),
    onKeyDown: (event: React.KeyboardEvent) => listbox.onKeyDown(event, columns),
  };
  const option = (item: T, index: number) =>
    listbox && {
      id: `${id}-${index}`,
      role: 'option',
      'aria-selected': listbox.isSelected(item),
      className: index === listbox.active ? 'is-active' : '',
      onClick: (event: React.MouseEvent) => listbox.onPick(index, event),
      onDoubleClick: () => listbox.onOpen?.(index),
    };
  return (
    <div ref={frame} className={`virtual ${props.className ?? ''}`}>
      <ul aria-label={props.label} style={{ height: virtual.getTotalSize() }} {...list}>
        {shown.flatMap((row) =>
          items.slice(row.index * columns, (row.index + 1) * columns).map((item, at) => (
            <li
              key={props.itemKey(item)}
              {...option(item, row.index * columns + at)}
              aria-setsize={items.length}
              aria-posinset={row.index * columns + at + 1}
              style={{
                top: row.start,
                height: rowHeight,
                left: `${(100 * at) / columns}%`,
                width: `${100 / columns}%`,
              }}
            >
              {props.children(item, row.index * columns + at)}
            </li>
          )),
        )}
      </ul>
    </div>
  );
}

function useWidth(ref: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
