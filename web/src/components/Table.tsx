import type { ReactNode } from 'react';

export type Column<T> = {
  readonly key: string;
  readonly name: string;
  readonly cell: (row: T) => ReactNode;
  readonly isNumber?: boolean;
};

type TableProps<T> = {
  readonly caption: string;
  readonly isCaptionHidden?: boolean;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly isMarked?: (row: T) => boolean;
};

/** A table whose first column names its rows. */
export function Table<T>({
  caption,
  isCaptionHidden,
  columns,
  rows,
  rowKey,
  isMarked,
}: TableProps<T>) {
  return (
    <table className="table">
      <caption className={isCaptionHidden ? 'visually-hidden' : ''}>{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.key} scope="col" className={column.isNumber ? 'number' : ''}>
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} className={isMarked?.(row) ? 'is-marked' : ''}>
            {columns.map((column, i) =>
              i === 0 ? (
                <th key={column.key} scope="row">
                  {column.cell(row)}
                </th>
              ) : (
                <td key={column.key} className={column.isNumber ? 'number' : ''}>
                  {column.cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
