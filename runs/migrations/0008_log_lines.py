"""A chunk of output says how many lines end in it, so that a page of a log is found without reading what is before it.

What is there already stays empty: it is counted when somebody reads it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0007_board_tools'),
    ]

    operations = [
        migrations.AddField(
            model_name='logchunk',
            name='is_open',
            field=models.BooleanField(help_text='Its last line goes on', null=True),
        ),
        migrations.AddField(
            model_name='logchunk',
            name='lines',
            field=models.IntegerField(help_text='Line ends in it', null=True),
        ),
    ]
