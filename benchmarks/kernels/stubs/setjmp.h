// Lua includes it; with LUAI_TRY and LUAI_THROW defined nothing of it is used.
