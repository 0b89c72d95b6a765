"""Who asks by browser: pages, their buttons, and the pieces they fetch. A view finds, asks one verb, answers."""
