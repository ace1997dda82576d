import { Help, type HelpConfiguration } from "commander";

/** Columns of the widest option or command that has its meaning beside it; longer ones stand above. */
const TERM_MOST = 24;
/** Columns of a meaning above which it is broken into lines. */
const WRAP_LEAST = 20;
const INDENT = 2;

/** The layout of help: it fits 60 columns, with room for meanings. */
export const HELP_LAYOUT: HelpConfiguration = {
  showGlobalOptions: true,
  minWidthToWrap: WRAP_LEAST,
  padWidth(command, helper) {
    return Math.min(TERM_MOST, Help.prototype.padWidth.call(this, command, helper));
  },
  formatItem(term, termWidth, description, helper) {
    const item = Help.prototype.formatItem;
    const beside = helper.displayWidth(term) <= termWidth;
    if (beside || !description) return item.call(this, term, termWidth, description, helper);
    const below = item.call(this, "", termWidth, description, helper);
    return `${" ".repeat(INDENT)}${term}\n${below}`;
  },
};
